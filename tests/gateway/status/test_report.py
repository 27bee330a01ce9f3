"""The status as JSON: a documented shape, and what comes back is what went in."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from gateway.bike.status import ResultsStatus
from gateway.host.board import PiHealth
from gateway.race.results import Place
from gateway.sampling.sampler import Sample
from gateway.sampling.series import FieldState
from gateway.status.line import status_line
from gateway.status.report import (
    StatusFormatError,
    status_from_json,
    status_schema,
    status_to_json,
)
from gateway.status.snapshot import GatewayStatus
from tests.support.gateways import VirtualGateway, config
from tests.support.statuses import (
    bike_status,
    buffer_status,
    gateway_status,
    lost_bike,
    offline,
)

SHIPPED = Path(__file__).parents[3] / "config" / "status.schema.json"

STALE = Sample(True, 0.0, 41.5, None, FieldState.STALE, FieldState.UNKNOWN)
STATUSES = {
    "all well": gateway_status(),
    "ranked": gateway_status(
        bike_status(1, place=Place(2, 3, 36.75, 95.5, 7, 132.25, 0.6)),
        bike_status(2, place=Place(None, 3, None, None, 7, 132.25, 0.6)),
        results=ResultsStatus("alleycat-subscribe", "not authorized", 9, 2, 1),
    ),
    "much amiss": gateway_status(
        lost_bike(1, 'not heard: "\n" or \x1b[31m'),
        bike_status(2, sample=STALE, race_id=None, second=None),
        clock_is_set=False,
        cloud=offline(),
        buffer=buffer_status(depth=7, problem="disk I/O error", free_bytes=None, notes=("one",)),
        pi=PiHealth(None, None),
        notes=("two",),
    ),
}


@pytest.fixture(params=list(STATUSES.values()), ids=list(STATUSES))
def status(request: pytest.FixtureRequest) -> GatewayStatus:
    found: GatewayStatus = request.param
    return found


def test_text_that_is_no_unicode_does_not_cost_the_status() -> None:
    # As Python reads the name of a directory in Latin-1; a plugin's texts may contain it as well.
    name = "caf\udce9"
    status = gateway_status(lost_bike(1, name), state_dir=f"/srv/{name}", notes=("\ud800",))
    read = status_from_json(status_to_json(status))
    assert (read.state_dir, read.bikes[0].reason, read.notes) == ("/srv/caf?", "caf?", ("?",))


def test_status_json_reads_the_same_as_written(status: GatewayStatus) -> None:
    assert status_from_json(status_to_json(status)) == status


def test_status_json_is_one_line_that_fits_its_schema(status: GatewayStatus) -> None:
    line = status_to_json(status)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    Draft202012Validator(status_schema()).validate(json.loads(line))


def test_status_json_has_line_attention_and_hours_left() -> None:
    status = STATUSES["much amiss"]
    report = json.loads(status_to_json(status))
    assert (report["format"], report["line"]) == (1, status_line(status))
    assert report["attention"][0].startswith("disk: disk I/O error; see ")
    assert report["hours_left"] is None
    assert json.loads(status_to_json(STATUSES["all well"]))["hours_left"] == 9.0


async def test_a_racing_gateway_fits_the_schema(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}, {"scenario": "idle"}]), 1_620_228_900_000)
    await virtual.start()
    await virtual.run_for(3)
    report = json.loads(status_to_json(virtual.gateway.status))
    assert list(Draft202012Validator(status_schema()).iter_errors(report)) == []
    await virtual.stop()


def test_shipped_status_schema_is_current() -> None:
    """Has a field gone, or its meaning changed? Then FORMAT must be raised."""
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == status_schema()
    Draft202012Validator.check_schema(status_schema())


def test_status_of_a_newer_gateway_may_have_more_fields() -> None:
    report = json.loads(status_to_json(gateway_status()))
    report["gateway"]["bikes"][0]["rssi_dbm"] = -60
    assert status_from_json(json.dumps(report).encode()) == gateway_status()


@pytest.mark.parametrize("line", [b"", b"\n", b"[]", b'{"format":2}', b"\xff"])
def test_line_that_is_no_status_of_this_format_is_refused(line: bytes) -> None:
    with pytest.raises(StatusFormatError, match="expected a status of format 1"):
        status_from_json(line)
