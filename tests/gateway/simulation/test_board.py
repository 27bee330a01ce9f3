"""The tables of a race on terminals of any width."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from gateway.sampling.sampler import Sample
from gateway.simulation.board import board_table, results_table
from gateway.simulation.scene import BoardRow
from tests.gateway.simulation.test_scene import ADA, BRUNO

SAMPLE = Sample(present=True, cadence_rpm=80.5, resistance_percent=41.0, power_w=112.0)
RIDING = BoardRow("Ada", ADA, SAMPLE, gained=1, buffered=12, is_online=True)
#: Narrower terminals cannot hold rank, name and score.
MIN_COLUMNS = 34


def titles(table: Table) -> list[str]:
    return [str(column.header) for column in table.columns]


def lines(table: Table, columns: int = 200) -> list[str]:
    console = Console(file=io.StringIO(), width=columns, color_system=None)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("columns", "dropped"),
    [
        (80, set()),
        (60, {"W", "%", "rpm"}),
        (40, {"W", "%", "rpm", "class", "cloud"}),
        (MIN_COLUMNS, {"W", "%", "rpm", "class", "cloud", "buffer"}),
    ],
)
def test_board_drops_what_matters_least(columns: int, dropped: set[str]) -> None:
    every = titles(board_table([RIDING], 200, with_race=False))
    assert every == [
        *("", "±", "racer", "class", "here now", "final", "rpm", "%", "W", "buffer", "cloud")
    ]
    shown = titles(board_table([RIDING], columns, with_race=False))
    assert shown == [title for title in every if title not in dropped]


@given(st.integers(MIN_COLUMNS, 120), st.booleans())
def test_board_never_cuts_a_cell(columns: int, with_race: bool) -> None:
    drawn = lines(board_table([RIDING], columns, with_race=with_race), columns)
    assert "…" not in "".join(drawn)
    assert max(len(line.rstrip()) for line in drawn) <= columns


def test_board_keeps_its_width_while_places_change_and_the_network_fails() -> None:
    calm = replace(RIDING, gained=0)
    fast = replace(SAMPLE, cadence_rpm=100.0)
    hectic = replace(RIDING, gained=-1, is_online=False, sample=fast)
    assert len(lines(board_table([calm], 80, with_race=False))[1]) == len(
        lines(board_table([hectic], 80, with_race=False))[1]
    )


def test_results_drop_everything_but_rank_racer_and_final_result() -> None:
    every = titles(results_table([ADA, BRUNO], 200, with_race=True))
    assert titles(results_table([ADA, BRUNO], 30, with_race=True)) == [*every[:2], "final result"]
    assert lines(results_table([ADA, BRUNO], 30, with_race=True), 30)[2].split() == [
        *("1.", "1", "Ada", "128.2"),
    ]
