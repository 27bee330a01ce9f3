"""`buffer`: what its verbs print, where they look, and that they work next to a gateway."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.buffer.log_format import UNDATED
from gateway.buffer.store import Batch, Record, Store
from gateway.cli.app import app
from gateway.cli.output import BROKEN_PIPE
from gateway.config.schema import Config
from gateway.host.errors import BAD_CONFIG, FAILED, USAGE
from gateway.sampling.sampler import Sample
from gateway.telemetry.undated import UndatedSample
from tests.support.buffer_files import ROOMY, fill_buffer, log_files
from tests.support.children import killed_at_end
from tests.support.gateway_process import COMMAND
from tests.support.telemetry import message

ROOT = Path(__file__).parents[3]
#: Writes one message of race 7 after the other, forever, and the id of each that is on disk.
WRITER = """
import sys
from itertools import count
from pathlib import Path
from gateway.buffer.store import Batch, Record, Store
from tests.support.telemetry import message

store = Store(Path(sys.argv[1]), 2**30)
for id_ in count(1):
    store.write(Batch([Record(id_, 7, message(id_ % 300 + 1, 7).to_json())]))
    print(id_, flush=True)
"""


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A closed buffer: two races, a second before the clock was set, two in quarantine."""
    state_dir = tmp_path / "state"
    records = [
        Record(n, 5_984_158 + n // 600, message(n // 2 % 300 + 1, 5_984_158 + n // 600).to_json())
        for n in range(1, 1000)
    ]
    reason = "0x87 not authorized [three times], each time the broker has ended the connection"
    refused = [(records.pop(700), "too large"), (records.pop(4), reason)]
    undated = UndatedSample("boot-1", 1, "bike-1", Sample(True, 80.0, 40.0, 112.0)).to_json()
    fill_buffer(state_dir, [*records, Record(1000, UNDATED, undated)], reversed(refused))
    return state_dir


def invoke(*arguments: str | Path, columns: int = 80, **env: str) -> Result:
    runner = CliRunner(env={"COLUMNS": str(columns), "TZ": "UTC", **env})
    return runner.invoke(app, ["buffer", *map(str, arguments)])


def look(verb: str, state_dir: Path, *arguments: str | Path, columns: int = 80) -> Result:
    return invoke(verb, *arguments, "--state-dir", state_dir, columns=columns)


# ls


def test_ls_shows_each_race_and_the_totals(state_dir: Path) -> None:
    result = look("ls", state_dir)
    assert result.exit_code == 0
    head, first, second, *totals = result.output.splitlines()
    assert head.split() == ["race", "messages", "seconds", "final", "size", "oldest", "bikes"]
    assert first.split()[:5] == ["5984158", "598", "1–300", "2", "150"]
    assert second.split()[:4] == ["5984159", "399", "1–200", "0"]
    assert totals[0].startswith("997 messages of 2 races, 250 KiB, the oldest ")
    assert totals[1] == "1 second ridden while the clock was not set; to be sent once it is set"
    assert totals[2].startswith("2 messages in quarantine; ")
    assert totals[3].startswith(f"{state_dir}/buffer: ")


@pytest.mark.parametrize("columns", [80, 120])
def test_ls_shows_a_race_on_one_line_however_many_bikes_it_has(
    tmp_path: Path, columns: int
) -> None:
    sent = [message(n % 300 + 1, 5_984_158, f"bike-{n:03}") for n in range(1, 101)]
    fill_buffer(tmp_path, [Record(n, 5_984_158, one.to_json()) for n, one in enumerate(sent, 1)])
    _, race, *_ = look("ls", tmp_path, columns=columns).output.splitlines()
    assert len(race) <= columns
    assert "100: bike-001, " in race
    assert race.rstrip().endswith("…")


def test_ls_tells_that_no_message_waits(tmp_path: Path) -> None:
    fill_buffer(tmp_path)
    result = look("ls", tmp_path)
    assert result.exit_code == 0
    assert result.output.startswith("no messages are waiting to be sent\n")


def test_ls_as_json_has_races_and_totals(state_dir: Path) -> None:
    overview = json.loads(look("ls", state_dir, "--json").stdout)
    assert [race["race_id"] for race in overview["races"]] == [5984158, 5984159]
    assert overview["races"][0]["oldest_ms"] == message(1, 5984158).device_timestamp
    assert (overview["messages"], overview["unnamed"], overview["quarantined"]) == (997, 1, 2)
    assert overview["path"] == str(state_dir / "buffer")


def test_ls_counts_messages_that_cannot_be_understood(state_dir: Path) -> None:
    fill_buffer(state_dir, [Record(1001, 3, b"\0")])
    output = look("ls", state_dir).output
    assert f"decoded; `alleycat-gateway buffer verify --state-dir {state_dir}`" in output


# quarantine


def test_quarantine_gives_each_with_its_reason(state_dir: Path) -> None:
    result = look("quarantine", state_dir)
    assert result.exit_code == 0
    head, first, *_ = result.output.splitlines()
    assert head.split() == ["message", "race", "second", "bike", "reason"]
    assert first.split()[:4] == ["5", "5984158", "3", "bike-1"]
    words = " ".join(result.output.split())
    assert "0x87 not authorized [three times], each time the broker has ended" in words
    assert max(len(line) for line in result.output.splitlines()) <= 80


def test_quarantine_as_json_is_one_object_per_message(state_dir: Path) -> None:
    lines = look("quarantine", state_dir, "--json").stdout.splitlines()
    first, second = map(json.loads, lines)
    assert (first["id"], first["race_id"]) == (5, 5984158)
    assert second["reason"] == "too large"
    assert second["payload"].encode() == message(51, 5984159).to_json()


def test_quarantine_tells_when_it_is_empty(tmp_path: Path) -> None:
    fill_buffer(tmp_path)
    assert look("quarantine", tmp_path).output == "no messages are in quarantine\n"


def test_quarantined_second_without_a_race_is_shown_as_not_known(tmp_path: Path) -> None:
    fill_buffer(tmp_path, quarantined=[(Record(1, UNDATED, b"{}"), "ridden in another boot")])
    assert "unknown" in look("quarantine", tmp_path).output
    assert json.loads(look("quarantine", tmp_path, "--json").stdout)["race_id"] is None


# verify


def test_verify_of_a_sound_buffer_tells_all_is_well(state_dir: Path) -> None:
    result = look("verify", state_dir)
    assert result.exit_code == 0
    assert result.output.endswith("KiB, 1,000 messages: no problems\n")


def test_verify_names_each_problem_and_fails(state_dir: Path) -> None:
    fill_buffer(state_dir, [Record(1001, 3, message(9, 5_984_158).to_json())])
    [log] = [file for file in log_files(state_dir) if "-R3-" in file.name]
    result = look("verify", state_dir)
    assert result.exit_code == FAILED
    problem, verdict = result.output.splitlines()
    assert problem == (
        f"{log.name}, message 1001: it is stored under race 3, but belongs to race 5984158"
    )
    assert verdict.endswith(": 1 problem")
    as_json = look("verify", state_dir, "--json")
    assert as_json.exit_code == FAILED
    assert json.loads(as_json.stdout)["problems"] == [problem]


def test_verify_does_not_flood_the_terminal(state_dir: Path) -> None:
    fill_buffer(state_dir, [Record(n, 3, message(9, 4).to_json()) for n in range(1001, 1999)])
    lines = look("verify", state_dir).output.splitlines()
    assert len(lines) == 52
    assert lines[-2].startswith("… and 948 more")
    assert len(json.loads(look("verify", state_dir, "--json").stdout)["problems"]) == 998


# export


def test_export_prints_the_bytes_that_will_be_sent(state_dir: Path) -> None:
    result = look("export", state_dir, "5984159")
    assert result.exit_code == 0
    expected = [message(n // 2 % 300 + 1, 5984159).to_json() for n in range(600, 1000) if n != 701]
    assert result.stdout_bytes.splitlines() == expected


def test_export_writes_a_new_file_and_never_over_an_old_one(
    state_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "race.jsonl"
    result = look("export", state_dir, "5984158", "--output", file)
    assert result.output == f"{file}: 598 messages\n"
    assert len(file.read_bytes().splitlines()) == 598
    again = look("export", state_dir, "5984158", "--output", file)
    assert again.exit_code == USAGE
    assert "exists; expected the name of a new file" in again.output


def test_export_of_a_missing_race_fails_and_makes_no_file(state_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "race.jsonl"
    result = look("export", state_dir, "4", "--output", file)
    assert result.exit_code == FAILED
    assert "race 4 has no messages" in result.output
    assert not file.exists()


@pytest.mark.slow
def test_export_is_quiet_when_nobody_reads_on(tmp_path: Path) -> None:
    fill_buffer(
        tmp_path, [Record(n, 7, message(n % 300 + 1, 7).to_json()) for n in range(1, 20_000)]
    )
    arguments = ["buffer", "export", "7", "--state-dir", str(tmp_path)]
    with killed_at_end(
        subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
        )
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == message(2, 7).to_json() + b"\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == BROKEN_PIPE


# Where it looks.


def write_config(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def test_the_state_dir_of_a_config_is_relative_to_it(state_dir: Path) -> None:
    """Nothing else of it is looked at: its certificates may be on another machine."""
    text = 'state_dir = "state"\n[cloud]\nca_file = "not/there.pem"\n'
    config = write_config(state_dir.parent / "gateway.toml", text)
    assert invoke("ls", "--config", config).exit_code == 0


def test_environment_overrides_the_state_dir_of_the_config(state_dir: Path) -> None:
    config = write_config(state_dir.parent / "gateway.toml", 'state_dir = "elsewhere"\n')
    result = invoke("ls", "--config", config, ALLEYCAT_STATE_DIR=str(state_dir))
    assert result.exit_code == 0


def test_buffer_command_uses_the_default_state_dir_without_options(
    monkeypatch: pytest.MonkeyPatch, state_dir: Path
) -> None:
    monkeypatch.setattr(Config.model_fields["state_dir"], "default", state_dir)
    assert invoke("ls").exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("state_dir = 5", "state_dir: got 5; expected a path"),
        ("state_dir = ", "not TOML: "),
        ("state_dir = " + "[" * 5000, "not TOML: lists or tables are nested more than 32 deep"),
        (f"state_dir = '{'x' * 256}'", "state_dir: this path is too long"),
        ("state_dir = 'a\\u0000b'".replace("'", '"'), "state_dir: a path cannot contain a NUL"),
    ],
)
def test_buffer_command_refuses_an_unusable_config(tmp_path: Path, text: str, said: str) -> None:
    result = invoke("ls", "--config", write_config(tmp_path / "gateway.toml", text))
    assert result.exit_code == BAD_CONFIG
    assert said in result.output


def test_buffer_command_refuses_a_missing_config(tmp_path: Path) -> None:
    result = invoke("ls", "--config", tmp_path / "gateway.toml")
    assert result.exit_code == BAD_CONFIG
    assert "No such file or directory; expected a TOML file" in result.output


def test_config_and_state_dir_at_once_are_a_usage_error(tmp_path: Path) -> None:
    result = invoke("ls", "--config", tmp_path / "gateway.toml", "--state-dir", tmp_path)
    assert result.exit_code == USAGE


@pytest.mark.parametrize("verb", ["ls", "verify", "quarantine"])
def test_buffer_command_tells_that_there_is_no_buffer_yet(verb: str, tmp_path: Path) -> None:
    result = look(verb, tmp_path)
    assert result.exit_code == FAILED
    assert result.output == (
        f"{tmp_path}/buffer does not exist: no gateway of this version has opened a buffer in "
        "this state_dir yet\n"
    )


# Next to a gateway.


def test_buffer_commands_work_while_a_thread_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "buffer", ROOMY)
    store.write(Batch([Record(1, 7, message(1, 7).to_json())]))
    is_over = threading.Event()

    def write() -> None:
        id_ = 1
        while not is_over.is_set():
            id_ += 1
            store.write(Batch([Record(id_, 7, message(id_ % 300 + 1, 7).to_json())]))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for verb in ("ls", "verify", "quarantine") * 3:
            result = look(verb, tmp_path)
            assert result.exit_code == 0, result.output
        exported = look("export", tmp_path, "7").stdout_bytes.splitlines()
    finally:
        is_over.set()
        writer.join()
    assert exported[0] == message(1, 7).to_json()
    assert sum(store.waiting().values()) >= len(exported)
    store.close()


@pytest.mark.slow
def test_buffer_commands_work_while_a_process_writes_and_after_its_kill(tmp_path: Path) -> None:
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "buffer")],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
    ) as writer:
        assert writer.stdout is not None
        last = int(writer.stdout.readline())
        for _ in range(3):
            overview = json.loads(look("ls", tmp_path, "--json").stdout)
            assert overview["messages"] >= last
            assert look("verify", tmp_path).exit_code == 0
        writer.send_signal(signal.SIGKILL)
        last = max([last, *map(int, writer.stdout)])
    assert json.loads(look("ls", tmp_path, "--json").stdout)["messages"] in (last, last + 1)
    assert look("verify", tmp_path).exit_code == 0
