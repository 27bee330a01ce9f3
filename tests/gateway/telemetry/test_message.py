"""The message on the wire: names, order, identity, and the schema that says so."""

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from gateway.race.clock import RaceSecond
from gateway.race.races import Race, Racer
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import (
    UUID_NAMESPACE,
    Telemetry,
    bike_in,
    is_final,
    is_simulated,
    make_telemetry,
    strict_telemetry_from_json,
    telemetry_from_json,
    telemetry_schema,
)
from tests.support import telemetry

SCHEMA_FILE = Path(__file__).parents[3] / "config" / "telemetry.schema.json"

#: What a message is made of, and what the backend's contract shows of it.
PARTS: dict[str, Any] = {
    "thing_name": "gateway-1",
    "bike_id": "bike-001",
    "race_id": 5400763,
    "racer_id": 7,
    "second": 37,
}
EXAMPLE = (
    '{"uuid":"7fa3e74e-33d9-5d1d-83a2-6b4b5a9eb6c0","event":"update",'
    '"deviceTimestamp":1620228937000,"second":37,"raceId":5400763,"name":"Hayden","racerId":7,'
    '"classId":1,"cadence":79.8,"resistance":54.2,"bikeId":"bike-001","power":163}'
)


def make(power_w: float | None = 163.0, length_s: int = 300, **changed: Any) -> Telemetry:
    parts = {**PARTS, **changed}
    race = Race(parts["race_id"], parts["race_id"] * 300_000, length_s)
    return make_telemetry(
        parts["thing_name"],
        parts["bike_id"],
        Racer(parts["racer_id"], parts.get("name", "Hayden"), parts.get("class_id", 1)),
        RaceSecond(race, parts["second"], end_ns=parts.get("end_ns", 0)),
        Sample(
            True,
            parts.get("cadence_rpm", 79.8),
            54.2,
            power_w,
            resistance_source=ResistanceSource.CALIBRATED,
        ),
    )


class TestIdentity:
    """The same second always has the same uuid, and no other second has it."""

    def test_uuid_is_the_same_in_every_release(self) -> None:
        """A resend after an update must still be recognisable."""
        assert make().uuid == "d6c8bdd8-cb26-5e0b-9e87-4c322a4ee62f"
        assert make(second=300).uuid == "d42b9a7e-cc32-577f-a32b-3e4dd5302cf2"

    @pytest.mark.parametrize(
        "changed",
        [{"cadence_rpm": 12.0}, {"power_w": None}, {"name": "Kit"}, {"class_id": 6}, {"end_ns": 9}],
        ids=str,
    )
    def test_uuid_does_not_depend_on_what_was_measured(self, changed: dict[str, Any]) -> None:
        assert make(**changed).uuid == make().uuid

    @pytest.mark.parametrize(
        "changed",
        [
            {"thing_name": "gateway-2"},
            {"bike_id": "bike-002"},
            {"race_id": 5400764},
            {"racer_id": 8},
            {"second": 38},
            {"length_s": 37},
        ],
        ids=str,
    )
    def test_uuid_differs_if_any_of_its_parts_does(self, changed: dict[str, Any]) -> None:
        assert make(**changed).uuid != make().uuid

    @given(bike_id=st.text(st.characters(codec="utf-8")), second=st.integers(1, 86_400))
    def test_uuid_is_the_version_5_of_the_parts(self, bike_id: str, second: int) -> None:
        made = make(bike_id=bike_id, second=second)
        parts = "gateway-1", bike_id, made.race_id, made.racer_id, second, made.event
        expected = uuid.uuid5(UUID_NAMESPACE, "/".join(map(str, parts)))
        assert made.uuid == str(expected)

    def test_uuid_keeps_neighbouring_parts_apart(self) -> None:
        assert make(bike_id="bike-1", race_id=12).uuid != make(bike_id="bike-11", race_id=2).uuid
        assert make(racer_id=1, second=23).uuid != make(racer_id=12, second=3).uuid


class TestJson:
    def test_telemetry_json_has_the_fields_in_order_and_no_others(self) -> None:
        said = json.loads(make().to_json())
        assert list(said.items()) == [
            ("uuid", make().uuid),
            ("event", "update"),
            ("deviceTimestamp", 5400763 * 300_000 + 37_000),
            ("second", 37),
            ("raceId", 5400763),
            ("name", "Hayden"),
            ("racerId", 7),
            ("classId", 1),
            ("cadence", 79.8),
            ("resistance", 54.2),
            ("bikeId", "bike-001"),
            ("resistanceSource", "calibrated"),
            ("power", 163),
        ]

    def test_message_of_a_fake_bike_is_marked(self) -> None:
        real, fake = make(), replace(make(), is_simulated=True)
        assert b"simulated" not in real.to_json()
        assert json.loads(fake.to_json())["simulated"] is True
        assert telemetry_from_json(fake.to_json()) == fake
        assert is_simulated(fake.to_json())
        assert not is_simulated(replace(real, name='"simulated":true').to_json())

    def test_message_is_made_with_the_mark_of_a_fake_bike(self) -> None:
        ride = "gateway-1", "bike-001", Racer(7, "Hayden", 1)
        second = RaceSecond(Race(1, 0, 300), 1, end_ns=0)
        sample = Sample(True, 80.0, 54.2, None, resistance_source=ResistanceSource.CALIBRATED)
        assert make_telemetry(*ride, second, sample, is_simulated=True).is_simulated is True
        assert make_telemetry(*ride, second, sample).is_simulated is None

    def test_telemetry_json_is_compact_utf8(self) -> None:
        payload = make(name="Zoë").to_json()
        assert b" " not in payload
        assert "Zoë".encode() in payload

    @pytest.mark.parametrize(("power_w", "said"), [(None, False), (0.0, True), (163.5, True)])
    def test_power_that_the_bike_does_not_report_is_absent(
        self, power_w: float | None, said: bool
    ) -> None:
        assert (b'"power"' in make(power_w).to_json()) == said

    @pytest.mark.parametrize(
        ("second", "event", "is_final"), [(299, "update", False), (300, "final", True)]
    )
    def test_last_second_of_a_race_is_final(self, second: int, event: str, is_final: bool) -> None:
        assert (make(second=second).event, make(second=second).is_final) == (event, is_final)

    @given(
        st.integers(1, 300),
        st.text(min_size=1, max_size=64),
        st.floats(0, 250),
        st.none() | st.floats(0, 3000),
    )
    def test_telemetry_survives_json(
        self, second: int, name: str, cadence_rpm: float, power_w: float | None
    ) -> None:
        message = make(power_w, second=second, name=name, cadence_rpm=cadence_rpm)
        assert telemetry_from_json(message.to_json()) == message

    def test_telemetry_of_an_older_gateway_may_have_larger_ids(self) -> None:
        message = make(race_id=2**62, racer_id=2**62)
        assert telemetry_from_json(message.to_json()) == message

    def test_telemetry_of_an_older_gateway_may_have_implausible_values(self) -> None:
        """It was ridden, so it is read and sent; see ptx2/gymnasticon #30."""
        for message in (
            make(16_499.0),
            make(-5.0),
            make(cadence_rpm=995.0),
            make(cadence_rpm=-1.0),
        ):
            assert telemetry_from_json(message.to_json()) == message
            assert strict_telemetry_from_json(message.to_json()) == message

    @pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b'{"uuid":1}', b"\xff"])
    def test_telemetry_from_malformed_json_is_refused(self, payload: bytes) -> None:
        with pytest.raises(ValidationError):
            telemetry_from_json(payload)

    @pytest.mark.parametrize("field", ["second", "raceId", "cadence"])
    def test_strict_telemetry_refuses_a_number_in_a_string(self, field: str) -> None:
        fields = json.loads(make().to_json())
        fields[field] = str(fields[field])
        payload = json.dumps(fields).encode()
        assert telemetry_from_json(payload) == make()
        with pytest.raises(ValidationError):
            strict_telemetry_from_json(payload)


class TestSchema:
    validator = Draft202012Validator(telemetry_schema())

    def test_telemetry_schema_file_is_up_to_date(self) -> None:
        """Made by `alleycat-gateway schema > config/telemetry.schema.json`."""
        assert json.loads(SCHEMA_FILE.read_text(encoding="utf-8")) == telemetry_schema()

    def test_telemetry_schema_is_a_json_schema(self) -> None:
        Draft202012Validator.check_schema(telemetry_schema())

    @pytest.mark.parametrize(
        "payload",
        [
            EXAMPLE,
            make().to_json(),
            make(power_w=None).to_json(),
            make(second=300).to_json(),
            replace(make(), is_simulated=True).to_json(),
        ],
        ids=["the contract's example", "update", "without power", "final", "of a fake bike"],
    )
    def test_telemetry_schema_accepts_real_messages(self, payload: str | bytes) -> None:
        assert list(self.validator.iter_errors(json.loads(payload))) == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("uuid", "not-a-uuid"),
            ("uuid", "7fa3e74e-33d9-4d1d-83a2-6b4b5a9eb6c0"),
            ("event", "start"),
            ("deviceTimestamp", "1620228937000"),
            ("deviceTimestamp", 1620228937.5),
            ("second", 0),
            ("raceId", -1),
            ("raceId", 9_007_199_254_740_992),
            ("racerId", 9_007_199_254_740_992),
            ("resistanceSource", "guessed"),
            ("cadence", 250.1),
            ("power", -0.1),
            ("power", 3000.1),
            ("name", ""),
            ("racerId", "7"),
            ("classId", 0),
            ("classId", 7),
            ("cadence", -0.1),
            ("cadence", None),
            ("resistance", 100.1),
            ("resistance", -0.1),
            ("bikeId", ""),
            ("power", "163"),
            ("power", None),
            ("simulated", False),
        ],
    )
    def test_telemetry_schema_refuses_a_wrong_value(self, name: str, value: object) -> None:
        message = json.loads(EXAMPLE) | {name: value}
        assert [list(error.path) for error in self.validator.iter_errors(message)] == [[name]]

    @pytest.mark.parametrize("name", [name for name in json.loads(EXAMPLE) if name != "power"])
    def test_telemetry_schema_refuses_a_missing_field(self, name: str) -> None:
        message = json.loads(EXAMPLE)
        del message[name]
        assert [error.validator for error in self.validator.iter_errors(message)] == ["required"]


def test_final_is_recognised_in_json_whatever_the_rider_is_called() -> None:
    name = '","event":"final","name":"'
    assert is_final(make(second=300, name=name).to_json())
    assert not is_final(make(second=299, name=name).to_json())


def test_bike_is_found_in_a_message_as_it_is_sent() -> None:
    assert bike_in(telemetry.message(1, bike="bike-7").to_json()) == b"bike-7"
    assert bike_in(b"{}") == b""
