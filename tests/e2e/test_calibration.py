"""A real daemon races a bike while it is calibrated: by one who is killed, by one who saves."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gateway.calibrating.messages import FILE_NAME
from gateway.calibrating.remote import DaemonSession
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import Origin
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.calibration_record import CapturedPoint, record_from_json
from gateway.telemetry.message import Telemetry
from tests.support.calibrations import record
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber

Check = Callable[[Telemetry], bool]

RACE_S = 10
#: What a Peloton says is some hundred: with this it is hardly a percent.
LOW = record(
    points=(CapturedPoint(0, 0, 1.0, 20), CapturedPoint(1, 2000, 1.0, 20)), cadence_scale=0.5
)
#: Until the next Reading of a bike that says its resistance each 0.3 s, and until we know.
AT_ONCE_MS = 500

#: Tries a calibration out until it is killed.
TRYING = """
import asyncio, sys
from pathlib import Path
from gateway.calibrating.remote import DaemonSession
from tests.e2e.test_calibration import LOW

async def main():
    async with DaemonSession(Path(sys.argv[1]), "bike-1") as session:
        await session.try_out(LOW)
        print("trying", flush=True)
        async for _ in session.news():
            pass

asyncio.run(main())
"""


class Race:
    """What reaches the broker of the first of two bikes; the second is not calibrated."""

    def __init__(self, gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber) -> None:
        self.gateway = gateway
        self.subscriber = subscriber
        self.state_dir = gateway.config_file.parent / "state"
        self.socket = self.state_dir / FILE_NAME
        self.file = self.state_dir / "calibration/bike-1.json"
        gateway.cloud["port"] = broker.port
        gateway.race_length_s = RACE_S
        gateway.bikes = [one.replace("ride_s", 'wire = "peloton", ride_s') for one in gateway.bikes]

    def messages(self, bike_id: str = "bike-1") -> list[Telemetry]:
        return [one for one in self.subscriber.messages if one.bike_id == bike_id]

    def seconds(self, bike_id: str) -> list[int]:
        """Counted on over the races, as they came."""
        return [one.race_id // 10 * RACE_S + one.second for one in self.messages(bike_id)]

    async def expect_from_now_on(
        self, is_so: Callable[[Telemetry], bool], seconds: int = 3
    ) -> None:
        """All whole seconds from this moment on, and the other bike's are as ever."""
        from_ms = time.time() * 1000 + AT_ONCE_MS

        def whole(bike_id: str, messages: list[Telemetry]) -> list[Telemetry]:
            return [
                one
                for one in messages
                if one.bike_id == bike_id and one.device_timestamp - 1000 >= from_ms
            ]

        def enough(messages: list[Telemetry]) -> bool:
            return len(whole("bike-1", messages)) >= seconds

        messages = await asyncio.to_thread(self.subscriber.wait_for, enough)
        found = whole("bike-1", messages)
        assert [one for one in found if not is_so(one)] == []
        assert all(is_as_said(one) for one in whole("bike-2", messages))


def is_low(message: Telemetry) -> bool:
    return message.resistance <= 1 and message.resistance_source is ResistanceSource.CALIBRATED


def is_as_said(message: Telemetry) -> bool:
    return message.resistance > 5 and message.resistance_source is ResistanceSource.DEVICE


def expect_contiguous(seconds: list[int]) -> None:
    assert seconds == list(range(seconds[0], seconds[0] + len(seconds)))


async def try_and_be_killed(race: Race) -> None:
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TRYING, race.socket, stdout=subprocess.PIPE
    )
    assert client.stdout is not None
    assert await client.stdout.readline() == b"trying\n"
    await race.expect_from_now_on(is_low)
    client.send_signal(signal.SIGKILL)
    await client.wait()
    await race.expect_from_now_on(is_as_said)
    assert not race.file.parent.exists()


async def save_and_reload(race: Race, session: CalibrationSession) -> None:
    assert await session.save(LOW) == race.file
    await race.expect_from_now_on(is_low)
    assert record_from_json(race.file.read_bytes()) == LOW
    assert stat.S_IMODE(race.file.stat().st_mode) == 0o600
    assert race.file.stat().st_uid == race.state_dir.stat().st_uid
    os.kill(race.gateway.pid, signal.SIGHUP)
    await asyncio.to_thread(race.gateway.wait_for_log, "config reloaded")
    await race.expect_from_now_on(is_low)
    assert session.state.origin is Origin.SAVED


async def test_calibration_survives_kill_reload_and_restart(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    race = Race(gateway, broker, subscriber)
    await asyncio.to_thread(gateway.start)
    await asyncio.to_thread(gateway.wait_for_log, "cloud connected")
    await asyncio.to_thread(gateway.wait_for_log, "bike connected", times=2)
    await race.expect_from_now_on(is_as_said, seconds=1)
    await try_and_be_killed(race)
    async with DaemonSession(race.socket, "bike-1") as session:
        assert session.state.origin is Origin.BIKE
        await save_and_reload(race, session)
        # Still tried out when the daemon ends: what was saved is not touched by that.
        await session.try_out(None)
        await race.expect_from_now_on(is_as_said, seconds=1)
        await asyncio.to_thread(gateway.terminate)
    for bike_id in ("bike-1", "bike-2"):
        expect_contiguous(race.seconds(bike_id))

    await asyncio.to_thread(gateway.start)
    await race.expect_from_now_on(is_low)
    gateway.kill()
    assert race.socket.is_socket(), "left behind"
    await asyncio.to_thread(gateway.start)
    await race.expect_from_now_on(is_low, seconds=1)
    async with DaemonSession(race.socket, "bike-1") as session:
        assert session.state.record == LOW


def test_calibration_socket_is_for_its_owner_and_group(
    gateway: GatewayProcess, broker: Mosquitto, tmp_path: Path
) -> None:
    runtime = tmp_path / "run"
    runtime.mkdir()
    gateway.cloud["port"] = broker.port
    gateway.environment["RUNTIME_DIRECTORY"] = str(runtime)
    old = os.umask(0o077)
    try:
        gateway.start()
    finally:
        os.umask(old)
    assert stat.S_IMODE((runtime / FILE_NAME).stat().st_mode) == 0o660
    gateway.terminate()
    assert not (runtime / FILE_NAME).exists()
