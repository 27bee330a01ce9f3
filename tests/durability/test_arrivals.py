"""What has arrived, is missing, or contradicts what arrived before."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.durability.arrivals import Arrivals
from tests.support.mosquitto import Authority
from tests.support.telemetry import message

SECOND = message(1)
END = SECOND.device_timestamp // 1000


@pytest.fixture
def arrivals(tmp_path: Path) -> Arrivals:
    return Arrivals(0, Authority(tmp_path).issue("subscriber"), ["bike-1"])


def test_second_is_missing_until_it_arrives(arrivals: Arrivals) -> None:
    arrivals.add(SECOND.to_json())
    assert arrivals.missing(END, END + 1.5) == [("bike-1", END + 1)]
    arrivals.add(message(2).to_json())
    assert arrivals.missing(END, END + 1.5) == []


def test_repeated_second_contradicts_itself_by_any_other_content(arrivals: Arrivals) -> None:
    for _ in range(2):
        arrivals.add(SECOND.to_json())
    assert arrivals.contradicted == []
    arrivals.add(replace(SECOND, name="Ada").to_json())
    assert arrivals.contradicted == [("bike-1", END)]
    assert arrivals.count == 3
