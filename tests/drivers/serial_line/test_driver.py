"""Bikes on real ttys: found at their speed, asked, unplugged, plugged in again, silent, junk."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec

import pytest
from pydantic import ValidationError

from drivers import BikeLost, Clock, Frame, Reading
from drivers.clock import MachineClock
from drivers.contract import (
    RememberingDriver,
    ResistanceTable,
    ResistanceTableSource,
    TableOrigin,
    WaitingDriver,
)
from drivers.protocols import PROTOCOLS
from drivers.protocols.serial import peloton_table
from drivers.protocols.serial.lines import encode_csv, encode_json, encode_pairs, with_checksum
from drivers.protocols.serial.peloton import PelotonOp, PelotonResponse, encode_response
from drivers.serial_line.driver import SERIAL_PROTOCOLS, SerialBike
from drivers.testing import FastClock
from tests.support.pty_bike import PtyBike
from tests.support.serial_bikes import BIKES, PelotonBike

REAL = MachineClock()
P = ParamSpec("P")

#: What each bike says, whichever way its Readings divide it.
RIDES: dict[str, dict[str, float]] = {
    "peloton": {"cadence_rpm": 90, "power_w": 150.0, "resistance_raw": 810},
    "kettler": {"cadence_rpm": 75, "power_w": 65, "speed_kmh": 26.6, "resistance_raw": 70},
    "daum": {"cadence_rpm": 60, "power_w": 95, "speed_kmh": 22, "resistance_raw": 7},
    "daum_premium": {"cadence_rpm": 90.1, "power_w": 130, "speed_kmh": 36, "resistance_raw": 10},
    "monark": {"cadence_rpm": 61, "power_w": 120},
    "computrainer": {"cadence_rpm": 90, "power_w": 205},
    "lines": {"cadence_rpm": 70, "resistance_raw": 417},
}


@pytest.fixture
def port(tmp_path: Path) -> Path:
    return tmp_path / "usb-FTDI_1234-port0"


@contextmanager
def plugged_in(port: Path, protocol: str) -> Iterator[PtyBike]:
    bike = BIKES[protocol]()
    pty = PtyBike(port, bike.answer, bike.says).plug_in()
    try:
        yield pty
    finally:
        pty.unplug()


def driver(
    port: Path | str,
    protocol: str = "peloton",
    clock: Clock = REAL,
    **options: object,
) -> SerialBike:
    mode = {"mode": "poll"} if protocol == "peloton" else {}
    table = {"port": str(port), "protocol": protocol, **mode, **options}
    return SerialBike(SerialBike.Options.model_validate(table), clock)


async def said(readings: AsyncIterator[Reading], names: set[str]) -> dict[str, float]:
    """The first value of each of these fields."""
    values: dict[str, float] = {}
    async with asyncio.timeout(20):
        while set(values) < names:
            reading = await anext(readings)
            values |= {
                name: value for name in names if (value := getattr(reading, name)) is not None
            }
    return values


def test_each_serial_protocol_is_ridden() -> None:
    assert set(RIDES) == set(SERIAL_PROTOCOLS)


@pytest.mark.parametrize("protocol", RIDES)
class TestEveryProtocol:
    @pytest.mark.slow
    async def test_serial_bike_gives_its_values(self, port: Path, protocol: str) -> None:
        with plugged_in(port, protocol):
            async with driver(port, protocol).open_bike() as readings:
                assert await said(readings, set(RIDES[protocol])) == RIDES[protocol]

    @pytest.mark.slow
    async def test_serial_readings_have_their_time_and_protocol(
        self, port: Path, protocol: str
    ) -> None:
        before_ns = MachineClock().monotonic_ns()
        with plugged_in(port, protocol):
            async with driver(port, protocol).open_bike() as readings:
                heard = [await anext(readings) for _ in range(3)]
        instants_ns = [one.at_ns for one in heard]
        assert instants_ns == sorted(instants_ns)
        assert before_ns < instants_ns[0] <= instants_ns[-1] <= MachineClock().monotonic_ns()
        assert all(one.source.startswith(protocol) for one in heard)

    @pytest.mark.slow
    async def test_unplugged_bike_is_lost_and_back_when_plugged_in(
        self, port: Path, protocol: str
    ) -> None:
        bike = driver(port, protocol)
        with plugged_in(port, protocol) as pty:
            async with bike.open_bike() as readings:
                await anext(readings)
            async with bike.open_bike() as readings:
                await anext(readings)
                pty.unplug()
                with pytest.raises(BikeLost, match="usb-FTDI_1234-port0"):
                    await _exhaust(readings)
        with plugged_in(port, protocol):
            async with bike.open_bike() as readings:
                assert await said(readings, {"cadence_rpm"})

    @pytest.mark.slow
    async def test_junk_before_the_first_answer_does_no_harm(
        self, port: Path, protocol: str
    ) -> None:
        with plugged_in(port, protocol) as pty:
            junk = [b"\x00\xffboot\xf6\x40\x00 junk\r\n"]
            pty.answer, pty.says = after(junk, pty.answer), after(junk, pty.says)
            async with driver(port, protocol).open_bike() as readings:
                assert await said(readings, {"cadence_rpm"}) == {
                    "cadence_rpm": RIDES[protocol]["cadence_rpm"]
                }

    @pytest.mark.slow
    async def test_captured_frames_replay_to_the_same_readings(
        self, port: Path, protocol: str
    ) -> None:
        frames: list[Frame] = []
        bike = driver(port, protocol)
        with plugged_in(port, protocol):
            async with bike.open_bike(lambda _name, frame: frames.append(frame)) as readings:
                live = [await anext(readings) for _ in range(6)]
        decoder = PROTOCOLS[protocol]()
        replayed = [one for frame in frames for one in decoder.feed(frame)]
        assert [replace(one, source="") for one in live] == [
            replace(one, source="") for one in replayed[:6]
        ]


def after(junk: list[bytes], sent: Callable[P, bytes]) -> Callable[P, bytes]:
    """What is sent, the first of it with the junk before it."""

    def send(*args: P.args, **kwargs: P.kwargs) -> bytes:
        data = sent(*args, **kwargs)
        return junk.pop() + data if data and junk else data

    return send


async def _exhaust(readings: AsyncIterator[Reading]) -> None:
    async with asyncio.timeout(20):
        async for _ in readings:
            pass


class TestPort:
    async def test_port_that_appears_later_is_opened_then(self, port: Path) -> None:
        opening = asyncio.create_task(_first_reading(driver(port)))
        await asyncio.sleep(0.2)
        with plugged_in(port, "peloton"):
            assert await asyncio.wait_for(opening, 10)

    async def test_absent_port_is_why_the_driver_waits_at_once(self, port: Path) -> None:
        bike = driver(port)
        assert isinstance(bike, WaitingDriver)
        opening = asyncio.create_task(_first_reading(bike))
        await asyncio.sleep(0)
        assert bike.waits_because == f"{port} does not exist: is the cable plugged in?"
        with plugged_in(port, "peloton"):
            assert await asyncio.wait_for(opening, 10)
            assert bike.waits_because == ""

    async def test_port_that_never_appears_is_a_lost_bike(self, port: Path) -> None:
        with pytest.raises(BikeLost, match="does not exist: is the cable plugged in"):
            await _first_reading(driver(port, clock=FastClock(100)))

    @pytest.mark.slow
    async def test_mute_bike_is_lost_with_every_baud_rate_named(self, port: Path) -> None:
        bike = PtyBike(port).plug_in()
        with pytest.raises(BikeLost, match=r"at 9600 baud no data was received; at 57600 baud no"):
            await _first_reading(driver(port, "kettler", clock=FastClock(15)))
        bike.unplug()

    async def test_bike_of_another_protocol_is_told_from_a_mute_one(self, port: Path) -> None:
        bike = PtyBike(port, says=lambda: b"hello world\n").plug_in()
        with pytest.raises(
            BikeLost, match=r"no lines bike .*: \d+ of \d+ bytes could not be decoded as lin"
        ):
            await _first_reading(driver(port, "lines", clock=FastClock(15)))
        bike.unplug()

    @pytest.mark.slow
    async def test_a_bike_that_falls_silent_is_lost(self, port: Path) -> None:
        with plugged_in(port, "peloton") as pty:
            async with driver(port, clock=FastClock(10)).open_bike() as readings:
                await anext(readings)
                pty.answer = lambda _: b""
                with pytest.raises(BikeLost, match="was silent"):
                    await _exhaust(readings)

    @pytest.mark.slow
    async def test_baud_rate_is_found(self, port: Path) -> None:
        with plugged_in(port, "kettler") as pty:
            answer = pty.answer
            pty.answer = lambda data: answer(data) if pty.baud_rate == 57600 else b"\xf0\x0f"
            assert (
                await _first_reading(driver(port, "kettler", clock=FastClock(5)))
            ).cadence_rpm == 75

    async def test_baud_rate_option_is_the_only_rate_tried(self, port: Path) -> None:
        bike = PtyBike(port).plug_in()
        with pytest.raises(
            BikeLost, match="at 4800 baud no data was received; check that the bike"
        ):
            await _first_reading(driver(port, "kettler", clock=FastClock(15), baud_rate=4800))
        bike.unplug()

    @pytest.mark.parametrize("protocol", ["peloton", "daum_premium"])
    async def test_serial_server_is_read_like_a_port(self, protocol: str) -> None:
        bike = BIKES[protocol]()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                writer.write(bike.answer(data))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            number = server.sockets[0].getsockname()[1]
            reading = await _first_reading(driver(f"socket://127.0.0.1:{number}", protocol))
        assert reading.cadence_rpm == RIDES[protocol]["cadence_rpm"]

    @pytest.mark.slow
    async def test_lost_serial_bikes_leak_no_descriptors_or_tasks(self, port: Path) -> None:
        bike = driver(port, "lines")
        counts = []
        for _ in range(100):
            with plugged_in(port, "lines") as pty, suppress(BikeLost):
                async with bike.open_bike() as readings:
                    await anext(readings)
                    pty.unplug()
                    await _exhaust(readings)
            counts.append((len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())))
        assert counts[-1] == counts[1]


def table_of(origin: TableOrigin, above_default: float = 7) -> ResistanceTable:
    """That of a PelotonBike, or one whose raw values are otherwise above the default ones."""
    default = peloton_table.resistance_points(peloton_table.DEFAULT_RESISTANCE_TABLE)
    return ResistanceTable(tuple((raw + above_default, at) for raw, at in default), origin)


class TestPeloton:
    @pytest.mark.slow
    async def test_peloton_table_is_read_once_and_kept_for_the_next_connection(
        self, port: Path
    ) -> None:
        bike = driver(port, clock=FastClock(10))
        assert bike.resistance_table == table_of(TableOrigin.ANOTHER_BIKE, 0)
        with plugged_in(port, "peloton"):
            async with bike.open_bike() as readings:
                percents = [
                    one.resistance_percent
                    async for one in _until(readings, lambda one: one.resistance_percent == 50)
                    if one.resistance_percent is not None
                ]
                assert bike.resistance_table == table_of(TableOrigin.BIKE)
            assert percents[0] != 50
            async with bike.open_bike() as readings:
                assert (await said(readings, {"resistance_percent"})) == {"resistance_percent": 50}
                assert bike.resistance_table == table_of(TableOrigin.BIKE)

    @pytest.mark.slow
    async def test_next_connection_asks_a_peloton_for_three_entries_only(self, port: Path) -> None:
        bike, peloton_bike = driver(port, clock=FastClock(10)), PelotonBike()
        pty = PtyBike(port, peloton_bike.answer).plug_in()
        async with bike.open_bike() as readings:
            async for _ in _until(readings, lambda _: bike.memory != {}):
                pass
        next_bike = driver(port, clock=FastClock(10))
        next_bike.memory = json.loads(json.dumps(bike.memory))
        assert next_bike.resistance_table == table_of(TableOrigin.BIKE)
        peloton_bike.asked.clear()
        async with next_bike.open_bike() as readings:
            async for _ in _until(readings, _after(40)):
                pass
        asked = [one.table_index for one in peloton_bike.asked if one.table_index is not None]
        assert asked == list(peloton_table.CHECKED_ENTRIES)
        assert next_bike.memory == {"resistance_table": peloton_bike.table}
        pty.unplug()

    @pytest.mark.parametrize(
        "memory",
        [
            {},
            {"resistance_table": None},
            {"resistance_table": "164"},
            {"resistance_table": []},
            {"resistance_table": [1, 2]},
            {"resistance_table": [True, *range(2, 32)]},
            {"resistance_table": [*range(30), "31"]},
            {"resistance_table": [0.5, *range(1, 31)]},
        ],
        ids=str,
    )
    def test_memory_without_a_usable_table_is_ignored(
        self, port: Path, memory: dict[str, object]
    ) -> None:
        bike = driver(port)
        bike.memory = memory
        assert bike.memory == {}
        assert bike.resistance_table == table_of(TableOrigin.ANOTHER_BIKE, 0)

    def test_other_bikes_remember_no_table(self, port: Path) -> None:
        bike = driver(port, "lines")
        assert isinstance(bike, RememberingDriver)
        bike.memory = {"resistance_table": list(range(31))}
        assert bike.memory == {}

    @pytest.mark.slow
    async def test_a_table_in_the_config_counts_from_the_start(self, port: Path) -> None:
        bike = driver(port, resistance_table=PelotonBike().table)
        assert bike.resistance_table == table_of(TableOrigin.CONFIG)
        with plugged_in(port, "peloton"):
            async with bike.open_bike() as readings:
                assert (await said(readings, {"resistance_percent"})) == {"resistance_percent": 50}

    def test_only_pelotons_have_a_table(self, port: Path) -> None:
        bike = driver(port, "lines")
        assert isinstance(bike, ResistanceTableSource)
        assert bike.resistance_table is None

    @pytest.mark.slow
    async def test_peloton_driver_only_listens_where_a_tablet_asks(self, port: Path) -> None:
        answer = encode_response(PelotonResponse(PelotonOp.CADENCE, 88))
        pty = PtyBike(port, says=lambda: answer).plug_in()
        async with driver(port, mode="auto").open_bike() as readings:
            assert (await anext(readings)).cadence_rpm == 88
            async for _ in _until(readings, _after(20)):
                pass
        assert pty.heard == b""
        pty.unplug()

    @pytest.mark.slow
    async def test_peloton_driver_waits_for_a_tablet_only_the_first_time(self, port: Path) -> None:
        bike = driver(port, mode="auto")
        with plugged_in(port, "peloton"):
            for patience_s in (5, 1):
                async with asyncio.timeout(patience_s):
                    assert (await _first_reading(bike)).cadence_rpm == 90


class TestLines:
    @pytest.mark.parametrize(
        "line",
        [
            encode_json(rpm=70, res=417),
            encode_pairs(rpm=70, res=417),
            with_checksum(encode_pairs(rpm=70, res=417)),
        ],
    )
    async def test_lines_of_every_form_are_read(self, port: Path, line: bytes) -> None:
        pty = PtyBike(port, says=lambda: line).plug_in()
        async with driver(port, "lines").open_bike() as readings:
            assert await said(readings, set(RIDES["lines"])) == RIDES["lines"]
        pty.unplug()

    async def test_turns_and_times_on_a_line_give_a_cadence(self, port: Path) -> None:
        turns = iter(range(10, 10_000))

        def turn() -> bytes:
            number = next(turns)
            return encode_csv(number * 750, number)

        pty = PtyBike(port, says=turn, period_s=0.05).plug_in()
        async with driver(port, "lines").open_bike() as readings:
            assert await said(readings, {"cadence_rpm"}) == {"cadence_rpm": 80}
        pty.unplug()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"port": "COM3", "protocol": "peloton"}, "expected a path such as /dev/serial/by-id"),
        ({"port": "socket://host", "protocol": "peloton"}, "or socket://host:port"),
        ({"port": "socket://host:abc", "protocol": "peloton"}, "or socket://host:port"),
        ({"port": "/dev/ttyUSB0", "protocol": "ftms"}, "expected one of: peloton, kettler"),
        (
            {"port": "/dev/ttyUSB0", "protocol": "kettler", "mode": "poll"},
            "apply only to protocol peloton",
        ),
        (
            {"port": "/dev/ttyUSB0", "protocol": "peloton", "resistance_table": [1, 2]},
            "expected 31 numbers in increasing order",
        ),
        ({"port": "/dev/ttyUSB0", "protocol": "lines", "baud_rate": 1}, "baud_rate"),
    ],
)
def test_wrong_serial_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SerialBike.Options.model_validate(options)


def test_serial_bike_accepts_a_cadence_scale() -> None:
    bike = driver("/dev/ttyUSB0", "lines", cadence_scale=0.5)
    assert bike.stale_after_s == 2


async def _first_reading(bike: SerialBike) -> Reading:
    async with bike.open_bike() as readings:
        return await anext(readings)


async def _until(
    readings: AsyncIterator[Reading], enough: Callable[[Reading], bool]
) -> AsyncIterator[Reading]:
    async with asyncio.timeout(30):
        async for reading in readings:
            yield reading
            if enough(reading):
                return


def _after(count: int) -> Callable[[Reading], bool]:
    left = iter(range(count))
    return lambda _: next(left, None) is None
