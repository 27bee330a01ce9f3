from dataclasses import replace

import pytest

from gateway.simulation.scene import RaceMoment, RaceStage, Scene
from gateway.simulation.words import heading, troubles, when
from tests.gateway.simulation.test_view import DEMO


def test_heading_counts_racers_and_connections() -> None:
    assert heading(DEMO) == "3 racers on 3 connections → a cloud on this computer"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (RaceMoment(RaceStage.CONNECTING), "connecting: 3 of 3 connections up"),
        (RaceMoment(RaceStage.COUNTDOWN, 2), "race starts in 2 s"),
        (RaceMoment(RaceStage.RACING, 37), "second  37 of 300"),
        (RaceMoment(RaceStage.ARRIVING, 300), "race over, waiting for the last messages"),
    ],
)
def test_when_names_the_stage(moment: RaceMoment, expected: str) -> None:
    assert when(replace(DEMO, moment=moment)) == expected


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        (DEMO, []),
        (replace(DEMO, network_is_up=None), []),
        (replace(DEMO, network_is_up=False), ["network DOWN"]),
        (replace(DEMO, connected=1, reason="refused"), ["2 offline: refused"]),
    ],
)
def test_troubles_are_the_network_and_who_is_offline(scene: Scene, expected: list[str]) -> None:
    assert list(troubles(scene)) == expected
