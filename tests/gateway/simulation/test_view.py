"""What demo and fleet show of the same Scene and Summary."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.leaderboard import Standing
from gateway.simulation.scene import (
    BoardRow,
    MessageCount,
    OutageReport,
    OutageSpan,
    Percentiles,
    RaceMoment,
    RaceStage,
    Scene,
    Summary,
)
from gateway.simulation.view import RaceScript, open_view, print_summary, summary_json
from gateway.timing.units import NS_PER_S
from tests.gateway.simulation.test_scene import (
    ADA,
    DELIVERY,
    STREAM,
    demo_summary,
    fleet_summary,
)

SAMPLE = Sample(present=True, cadence_rpm=80.5, resistance_percent=41.0, power_w=112.0)


def row(racer_id: int, gained: int | None = None) -> BoardRow:
    standing = Standing(
        race_id=7,
        class_id=1,
        racer_id=racer_id,
        name=f"Racer{racer_id}",
        here_now=150 - racer_id,
        final_result=None,
        personal_record=None,
        best_output=160.0,
        best_second=9,
        seconds_received=10,
    )
    return BoardRow(standing.name, standing, SAMPLE, gained)


def finished(one: BoardRow, final_result: float) -> BoardRow:
    assert one.standing is not None
    return replace(one, standing=replace(one.standing, final_result=final_result))


def racing(second: int) -> RaceMoment:
    return RaceMoment(RaceStage.RACING, second)


FLEET = Scene(
    at_ns=37 * NS_PER_S,
    moment=racing(37),
    target="127.0.0.1:8883",
    race_s=300,
    racers=1000,
    races=1,
    connections=1000,
    connected=1000,
    counts=(
        MessageCount("produced", 36_000, 999.6),
        MessageCount("acknowledged", 35_990, 998.0, Percentiles(61.0, 140.0, 171.0)),
        MessageCount("in the stream", 35_000),
    ),
    board=tuple(row(number, gained=3 - number) for number in range(1, 101)),
)
DEMO = replace(
    FLEET,
    target="a cloud on this computer",
    racers=3,
    connections=3,
    connected=3,
    network_is_up=True,
    counts=(MessageCount("produced", 24), MessageCount("buffered", 4)),
    board=(
        replace(row(2), buffered=4, is_online=False),
        replace(row(1), buffered=0, is_online=True),
        replace(row(3), standing=None, sample=None, buffered=0, is_online=True),
    ),
)


def console(columns: int = 80, lines: int = 24, *, is_terminal: bool = True) -> Console:
    return Console(
        file=io.StringIO(),
        width=columns,
        height=lines,
        force_terminal=is_terminal,
        color_system=None,
    )


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def drawn(scene: Scene, columns: int = 80, lines: int = 24) -> list[str]:
    terminal = console(columns, lines)
    terminal.print(RaceScript().draw(scene, columns, lines - 1))
    return printed(terminal).splitlines()


@pytest.mark.parametrize("scene", [FLEET, replace(DEMO, racers=100, board=DEMO.board * 33)])
@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_race_script_draws_no_more_than_the_terminal_holds(
    scene: Scene, columns: int, lines: int
) -> None:
    rows = drawn(scene, columns, lines)
    assert len(rows) == lines - 1
    assert max(len(row) for row in rows) <= columns
    assert re.fullmatch(r"… and \d+ more", rows[-1].strip())


def test_race_script_draws_counts_with_rates_and_latencies() -> None:
    rows = drawn(FLEET)
    assert "1,000 racers on 1,000 connections → 127.0.0.1:8883" in rows[0]
    assert "second  37 of 300" in rows[1]
    assert "acknowledged   35,990    998/s  p50 61 ms, p99 140 ms" in rows[4]


def test_race_script_draws_the_movement_and_here_now_of_a_fleets_racers() -> None:
    table = "\n".join(drawn(FLEET))
    assert re.search(r"(?m)^ *1 +▲2 +Racer1 +1 +149\.0 +80\.5 +41\.0 +112 *$", table)
    assert re.search(r"(?m)^ *4 +▼1 +Racer4 ", table)
    assert "buffer" not in table


def test_race_script_draws_the_buffer_and_cloud_of_a_demos_gateways() -> None:
    table = "\n".join(drawn(DEMO))
    assert re.search(r"(?m)^1 +Racer2 .* 4  offline *$", table)
    assert re.search(r"(?m)^2 +Racer1 .* 0  connected *$", table)
    assert re.search(r"(?m)^ +Racer3 +0  connected *$", table)


def test_race_script_names_both_numbers_and_draws_a_final_result_once_there_is_one() -> None:
    board = finished(row(1), 128.25), row(2)
    table = "\n".join(drawn(replace(FLEET, racers=2, board=board)))
    assert re.search(r"racer +class  here now  final ", table)
    assert re.search(r"Racer1 +1 +149\.0  128\.2 ", table)
    assert re.search(r"Racer2 +1 +148\.0 +80\.5 ", table)


def test_race_script_draws_the_race_of_each_racer_only_if_there_are_several() -> None:
    assert any(" race " in row for row in drawn(replace(FLEET, races=3), 120, 40))
    assert not any(" race " in row for row in drawn(FLEET, 120, 40))


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        (replace(FLEET, connected=990, reason="refused"), "10 offline: refused"),
        (replace(DEMO, connected=1), "2 offline"),
        (replace(DEMO, network_is_up=False), "network DOWN"),
    ],
)
def test_race_script_draws_what_is_wrong_next_to_the_second(scene: Scene, expected: str) -> None:
    assert drawn(scene)[1].startswith("second  37 of 300")
    assert drawn(scene)[1].endswith(expected)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (RaceMoment(RaceStage.CONNECTING), "connecting: 80 of 1,000 connections up"),
        (RaceMoment(RaceStage.COUNTDOWN, 3), "race starts in 3 s"),
        (RaceMoment(RaceStage.ARRIVING, 300), "race over, waiting for the last messages"),
    ],
)
def test_race_script_draws_what_is_waited_for_before_and_after_the_race(
    moment: RaceMoment, expected: str
) -> None:
    rows = drawn(replace(FLEET, moment=moment, connected=80, board=()))
    assert rows[1].startswith(expected)


def test_view_prints_stages_outages_and_figures_elsewhere_than_on_a_terminal() -> None:
    file = console(is_terminal=False)
    with open_view(file) as show:
        show(replace(DEMO, at_ns=0, moment=RaceMoment(RaceStage.COUNTDOWN, 2), board=()))
        for second in range(1, 10):
            is_up = second not in (7, 8)
            at_ns = (second + 1) * NS_PER_S
            show(replace(DEMO, at_ns=at_ns, moment=racing(second), network_is_up=is_up))
    assert printed(file).splitlines() == [
        "race starts in 2 s · produced 24 · buffered 4",
        "second   1 of 300",
        "second   4 of 300 · produced 24 · buffered 4 · Racer2 leads with 148.0 (here now)",
        "network cut",
        "network restored",
        "second   9 of 300 · produced 24 · buffered 4 · Racer2 leads with 148.0 (here now)",
    ]


def test_view_line_has_latencies_and_what_is_wrong() -> None:
    line = RaceScript().figures(replace(FLEET, connected=990, reason="refused")).words
    assert line.startswith("second  37 of 300 · 10 offline: refused · produced 36,000")
    assert "in the stream 35,000 · p50 61 ms, p99 140 ms · Racer1 leads" in line


def test_view_line_has_the_final_result_once_there_is_one() -> None:
    line = RaceScript().figures(replace(FLEET, board=(finished(row(1), 128.25),))).words
    assert line.endswith("Racer1 leads with 128.2 (final result)")


def test_view_of_a_race_that_is_broken_off_leaves_its_last_scene_on_a_terminal() -> None:
    terminal = console()

    def race() -> None:
        with open_view(terminal) as show:
            show(FLEET)
            show(replace(FLEET, moment=racing(38)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        race()
    erased_and_last = printed(terminal).rpartition("Alleycat")[2]
    assert "second  38" in erased_and_last
    assert erased_and_last.rstrip().endswith("more")


def test_view_of_a_whole_race_leaves_the_terminal_to_the_summary() -> None:
    terminal = console()
    with open_view(terminal) as show:
        show(FLEET)
    assert "\x1b[2K" in printed(terminal).rpartition("more")[2], "the last scene is erased"


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_race_script_draws_rank_and_score_on_any_terminal(columns: int) -> None:
    board = replace(row(12, gained=2), buffered=48, is_online=False), row(11, gained=-2)
    rows = drawn(replace(DEMO, racers=2, board=board), columns)
    assert max(len(row.rstrip()) for row in rows) <= columns
    [first] = [row for row in rows if "Racer12" in row]
    assert re.match(r"1  ▲2  Racer12 .* 138\.0 ", first)


def test_race_script_draws_the_race_as_a_bar_below_the_second() -> None:
    outage = OutageSpan(100, 200)
    rows = drawn(replace(DEMO, moment=racing(150), outage=outage), 75)
    assert rows[2] == "━" * 20 + "╳" * 20 + "─" * 20 + "  ╳ network cut"


def test_print_summary_of_several_races_names_them_within_80_columns() -> None:
    board = [replace(ADA, race_id=59_841_581), replace(ADA, race_id=59_841_582, racer_id=251)]
    narrow = console()
    print_summary(narrow, replace(fleet_summary(), leaderboard=board))
    assert re.search(
        r"2\.  251 Ada  59841582 +128\.2 +130\.5 +128\.2 +148\.8 \(9\)", printed(narrow)
    )


def summary_text(summary: Summary) -> str:
    terminal = console(200)
    print_summary(terminal, summary)
    return printed(terminal)


@pytest.mark.parametrize("summary", [fleet_summary(), demo_summary()])
def test_print_summary_of_a_race_without_loss(summary: Summary) -> None:
    text = summary_text(summary)
    assert (
        "✓ 120 of 120 messages in the stream: nothing lost, 0 duplicates\n"
        "✓ each race on one shard\n"
        "  race 7 → shardId-000000000000\n"
        "✓ the backend's results are as expected for both racers\n"
    ) in text
    results = [row.rstrip() for row in text.splitlines() if re.search(r"racer  |^\d\.", row)]
    assert results == [
        "    racer    final result  here now  personal record  best second",
        "1.  1 Ada           128.2     130.5            128.2    148.8 (9)",
        "2.  2 Bruno         120.0     130.5            125.0    150.0 (9)",
    ]
    assert text.endswith("class 2, personal records: Ada 128.2\n")


def test_print_summary_lists_a_racer_without_a_final_and_each_class() -> None:
    board = [
        ADA,
        replace(ADA, racer_id=2, name="Bruno", class_id=1),
        replace(ADA, racer_id=3, name="Chiara", final_result=None, personal_record=None),
    ]
    text = summary_text(replace(fleet_summary(), leaderboard=board))
    [chiara] = [row.split() for row in text.splitlines() if "Chiara" in row]
    assert chiara == ["3.", "3", "Chiara", "130.5", "148.8", "(9)"]
    assert text.endswith(
        "class 1, personal records: Bruno 128.2\nclass 2, personal records: Ada 128.2\n"
    )


def test_print_summary_of_a_fleet_begins_with_what_was_acknowledged() -> None:
    assert summary_text(fleet_summary()).strip().startswith("✓ 120 of 120 messages acknowledged\n")


def test_print_summary_of_a_demo_begins_with_its_outage() -> None:
    assert (
        summary_text(demo_summary())
        .strip()
        .startswith("2 racers, 60 s race, 10 s network outage (at most 20 messages buffered)\n")
    )


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        (replace(fleet_summary(), interrupted=True), "! interrupted"),
        (replace(fleet_summary(), produced=110), "10 not produced"),
        (fleet_summary(delivery=replace(DELIVERY, acknowledged=118)), "2 NOT ACKNOWLEDGED"),
        (fleet_summary(delivery=replace(DELIVERY, sent=125)), "5 sent again"),
        (
            fleet_summary(delivery=replace(DELIVERY, set_aside=3, reason="too large")),
            "3 messages in quarantine: too large",
        ),
        (
            fleet_summary(delivery=replace(DELIVERY, drops=4, reason="timeout")),
            "4 connections lost during the run",
        ),
        (fleet_summary(delivery=replace(DELIVERY, leftover=9)), "also acknowledged: 9 messages"),
        (
            demo_summary(replace(STREAM, records=100)),
            "✗ 100 of 120 messages in the stream: 20 LOST",
        ),
        (fleet_summary(replace(STREAM, rule_failures=2)), "2 messages refused by the rule"),
        (fleet_summary(replace(STREAM, differences=["Ada: final"])), "✗ Ada: final\n"),
        (demo_summary(replace(STREAM, shards={7: ["a", "b"]})), "✗ RACES [7] ON SEVERAL SHARDS"),
    ],
)
def test_print_summary_tells_whatever_went_wrong(summary: Summary, expected: str) -> None:
    assert expected in summary_text(summary)


def test_summary_json_of_a_fleet_is_one_line_with_every_racers_numbers() -> None:
    text = summary_json(fleet_summary())
    assert "\n" not in text
    told = json.loads(text)
    assert (told["ok"], told["expected"], told["to_puback"]["p99_ms"]) == (True, 120, 50.0)
    assert told["leaderboard"][0] == {
        "race_id": 7,
        "class_id": 2,
        "racer_id": 1,
        "name": "Ada",
        "here_now": 130.5,
        "final_result": 128.25,
        "personal_record": 128.25,
        "best_output": 148.75,
        "best_second": 9,
        "seconds_received": 60,
    }
    # Bruno's record is from another race.
    assert told["class_board"] == [
        {"class_id": 2, "racer_id": 1, "name": "Ada", "personal_record": 128.25, "race_id": 7}
    ]
    assert told["stream"]["same_racers"] == 2


def test_summary_json_of_a_demo_is_one_line_with_its_counts_at_the_top() -> None:
    text = summary_json(demo_summary(replace(STREAM, records=119, duplicates=1, rule_failures=2)))
    assert "\n" not in text
    told = json.loads(text)
    assert (told["produced"], told["in_kinesis"], told["lost"]) == (120, 118, 2)
    assert (told["duplicates"], told["rule_failures"]) == (1, 2)
    assert told["shards"] == {"7": ["shardId-000000000000"]}
    assert (told["outage_s"], told["most_buffered"]) == (10, 20)


@pytest.mark.parametrize("columns", [40, 60])
def test_print_summary_has_rank_and_final_result_on_a_narrow_terminal(columns: int) -> None:
    narrow = console(columns)
    print_summary(narrow, demo_summary())
    results = printed(narrow).partition("final result")[2]
    assert re.search(r"(?m)^1\.  1 Ada +128\.2 ", results)
    table = [line for line in results.splitlines() if re.match(r"\d\.|─", line)]
    assert max(len(line.rstrip()) for line in table) <= columns


def test_print_summary_breaks_no_word_on_a_narrow_terminal_and_no_line_in_a_file() -> None:
    narrow, file = console(40), console(40, is_terminal=False)
    print_summary(narrow, demo_summary())
    print_summary(file, demo_summary())
    assert "10 s network \noutage (at most 20 messages buffered)" in printed(narrow)
    assert "  2 racers, 60 s race, 10 s network outage (at most 20" in printed(file)


def test_print_summary_has_other_marks_where_the_encoding_lacks_them() -> None:
    file = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", errors="replace", write_through=True)
    latin = Console(file=file, width=80)
    print_summary(latin, demo_summary(replace(STREAM, records=100)))
    text = file.buffer.getvalue().decode("latin-1")
    assert "x 100 of 120 messages in the stream" in text
    assert "+ each race on one shard" in text


def test_print_summary_of_a_demo_without_an_outage_has_none() -> None:
    calm = replace(demo_summary(), outage=OutageReport(0, 2))
    assert "60 s race, no network outage (at most 2 messages buffered)" in summary_text(calm)


def test_print_summary_of_a_demo_fits_a_terminal_of_24_lines() -> None:
    riders = [replace(ADA, racer_id=number) for number in range(1, 9)]
    terminal = console(80)
    print_summary(terminal, replace(demo_summary(), leaderboard=riders))
    assert len(printed(terminal).splitlines()) <= 22
