"""What `capture` records of bikes that the gateway knows, and of those that it does not."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from bleak.uuids import normalize_uuid_str
from typer.testing import CliRunner

from drivers import BikeLost
from drivers.ble.driver import BleBike
from drivers.captures.format import load_capture
from drivers.captures.recorder import FrameRecorder
from drivers.fake.driver import FakeBike
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from gateway.cli.app import app
from gateway.cli.bikes.recording import Recording
from gateway.timing.clock import SystemClock
from tests.support.bluez import ATT_ERROR, Bluez, Device, bikes
from tests.support.terminal import Terminal

DATA = normalize_uuid_str("ae02")
FTMS = encode_indoor_bike_data(IndoorBikeData(speed_kmh=30, cadence_rpm=80, power_w=150))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ride.jsonl"


@pytest.fixture
def recorder(file: Path) -> Iterator[FrameRecorder]:
    with file.open("x", encoding="utf-8") as lines:
        yield FrameRecorder(lines)


def novelty(bluez: Bluez) -> Device:
    """Add a bike that speaks no known protocol."""
    return bluez.add_device(name="Novelty", services={"ae00": {"ae02": ("notify",)}})


@asynccontextmanager
async def sending(device: Device, uuid: str, data: bytes) -> AsyncIterator[None]:
    async def send() -> None:
        while True:
            device.notify(uuid, data)
            await asyncio.sleep(0.05)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def recording(device: Device, recorder: FrameRecorder, seconds: float) -> Recording:
    clock = SystemClock()
    return Recording(
        BleBike(BleBike.Options(address=device.address), clock), recorder, clock, seconds
    )


async def test_unknown_device_is_recorded_in_full(
    bluez: Bluez, file: Path, recorder: FrameRecorder
) -> None:
    device = novelty(bluez)
    made = recording(device, recorder, 2)
    async with sending(device, DATA, b"\x10\x3c"):
        await made.limited(made.of_any_bike)
    assert made.is_survey
    capture = load_capture(file)
    assert capture.device is not None
    assert [one.uuid for one in capture.device.characteristics] == [DATA]
    assert {(name, frame.data, frame.characteristic) for name, frame in capture.frames} == {
        ("", b"\x10\x3c", DATA)
    }
    assert capture.notes[0].text == "keep the pedals still"


async def test_device_with_a_known_service_that_works_differently_is_recorded_in_full(
    bluez: Bluez, file: Path, recorder: FrameRecorder
) -> None:
    device = bluez.add_device(
        name="YESOUL1234", services={"fff0": {"fff1": ("write",), "fff4": ("notify",)}}
    )
    made = recording(device, recorder, 2)
    async with sending(device, "fff4", b"\x10\x3c"):
        await made.limited(made.of_any_bike)
    assert made.is_survey
    assert {frame.data for _, frame in load_capture(file).frames} == {b"\x10\x3c"}


@pytest.mark.slow
async def test_bike_that_refuses_its_subscription_is_recorded_in_full(
    bluez: Bluez, file: Path, recorder: FrameRecorder, capsys: pytest.CaptureFixture[str]
) -> None:
    device = bikes.ftms_bike(bluez)
    device.characteristic(bikes.INDOOR_BIKE_DATA).fail("StartNotify", *[ATT_ERROR] * 2)
    made = recording(device, recorder, 2)
    async with sending(device, bikes.FITNESS_MACHINE_STATUS, b"\x04"):
        await made.limited(made.of_any_bike)
    capture = load_capture(file)
    assert {frame.data for _, frame in capture.frames} == {b"\x04"}
    (refused,) = [one.text for one in capture.notes if "cannot subscribe" in one.text]
    assert "cannot subscribe to 00002ad2" in refused
    assert refused in capsys.readouterr().err


async def test_known_bike_is_recorded_in_its_protocol(
    bluez: Bluez, file: Path, recorder: FrameRecorder
) -> None:
    device = bikes.ftms_bike(bluez)
    made = recording(device, recorder, 2)
    async with sending(device, bikes.INDOOR_BIKE_DATA, FTMS):
        await made.limited(made.of_any_bike)
    assert not made.is_survey
    assert load_capture(file).protocols == ("ftms",)


@pytest.mark.slow
async def test_known_bike_can_be_recorded_in_full_too(
    bluez: Bluez, file: Path, recorder: FrameRecorder
) -> None:
    device = bikes.ftms_bike(bluez)
    made = recording(device, recorder, 2)
    async with sending(device, bikes.INDOOR_BIKE_DATA, FTMS):
        await made.limited(made.of_unknown_device)
    capture = load_capture(file)
    assert capture.protocols == ()
    assert capture.frames
    assert capture.device is not None
    assert len(capture.device.characteristics) == 5


@pytest.mark.slow
async def test_command_records_an_unknown_device_and_names_the_next_step(
    bluez: Bluez, file: Path
) -> None:
    device = novelty(bluez)
    command = ["capture", device.address, str(file), "--seconds", "2"]
    async with sending(device, DATA, b"\x10\x3c"):
        result = await asyncio.to_thread(CliRunner().invoke, app, command)
    assert result.exit_code == 0, result.output
    assert "does not support any protocol that the gateway knows" in result.stderr
    assert "recording everything that it offers and sends" in result.stderr
    assert "keep the pedals still: " in result.stderr
    assert "frames of no known protocol" in result.stdout
    assert f"decode --guess {file}" in result.stdout
    assert load_capture(file).frames


#: The command with a ride of one second instead of 80.
SHORT_RIDE = """
from gateway.cli.bikes import guided_ride
guided_ride.RIDE = (guided_ride.RideStep(1, "count", counted_at_rpm=60),)
from gateway.cli.app import app
app()
"""


@pytest.mark.slow
async def test_rider_is_asked_on_the_terminal_after_the_guided_ride(
    bluez: Bluez, file: Path
) -> None:
    device = novelty(bluez)
    command = [sys.executable, "-c", SHORT_RIDE, "capture", device.address, str(file)]

    def ride() -> tuple[int, str]:
        with Terminal([*command, "--protocol", "any"], columns=120) as terminal:
            terminal.wait_for(r"at about 60 rpm \(press Enter if not counted\): ")
            terminal.press("one\r")
            terminal.wait_for("a number such as 20")
            terminal.press("1\r")
            terminal.wait_for(r"at about 60 rpm \(press Enter for none\): ")
            terminal.press("61 rpm, 100 W\r")
            return terminal.exit_code(), terminal.text

    async with sending(device, DATA, b"\x10\x3c"):
        code, text = await asyncio.to_thread(ride)
    assert code == 0, text
    capture = load_capture(file)
    (turns,) = capture.turns
    assert turns.rpm == pytest.approx(60)
    assert capture.notes[-1].text == "the display showed: 61 rpm, 100 W"


async def test_driver_without_bluetooth_cannot_record_an_unknown_device(
    recorder: FrameRecorder,
) -> None:
    clock = SystemClock()
    bike = FakeBike(FakeBike.Options(), clock)
    made = Recording(bike, recorder, clock, 1)
    with pytest.raises(BikeLost, match="expected the address of a Bluetooth device"):
        await made.limited(made.of_unknown_device)
