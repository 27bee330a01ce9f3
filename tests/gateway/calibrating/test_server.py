"""Sessions with bikes that are raced on, over a real socket, with clients of every rudeness."""

import asyncio
import json
import os
import stat
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from drivers import Reading
from gateway.bike.bike import Bike
from gateway.calibrating.messages import (
    ASK_MAX_BYTES,
    FILE_NAME,
    VERSION,
    Save,
    TryOut,
    ask_to_line,
)
from gateway.calibrating.remote import DaemonSession
from gateway.calibrating.server import CLIENTS_MAX, WAITING_MAX_BYTES, serve_calibration
from gateway.calibrating.state import CalibrationError, Origin
from gateway.config.schema import BikeConfig
from gateway.race.races import ContinuousRaces
from gateway.sampling.calibration_store import CalibrationStore
from tests.support.calibrations import record
from tests.support.gateways import VirtualGateway, config
from tests.support.virtual_clock import work_in_threads

RACE_START_MS = 5_400_763 * 300_000
#: More than a socket of the kernel holds.
MANY = 20_000


class Daemon:
    """Two fake bikes that are raced on, and the socket."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / FILE_NAME
        self.config = config(directory, [{"wire": "peloton"}, {"wire": "peloton"}])
        self.virtual = VirtualGateway(self.config, RACE_START_MS)
        self.store = CalibrationStore(directory)
        #: They race all the time.
        self.stay = {"bike-1", "bike-2"}

    def session(self, bike_id: str = "bike-1") -> DaemonSession:
        return DaemonSession(self.socket, bike_id)

    def bike(self, bike_id: str = "bike-1") -> Bike:
        bike = self.virtual.gateway.leases.bikes.get(bike_id)
        assert bike is not None
        return bike

    async def run_for(self, seconds: float) -> None:
        await self.virtual.run_for(seconds)

    async def reload(self, bikes: list[BikeConfig]) -> None:
        """SIGHUP, and two seconds of riding."""
        changed = self.config.model_copy(update={"bikes": bikes})
        races = ContinuousRaces(300)
        applying = asyncio.create_task(self.virtual.gateway.apply(changed, lambda _: races))
        await self.run_for(2)
        await applying

    def expect_every_second(self) -> None:
        for bike_id in self.stay:
            seconds = [one.second for one in self.virtual.delivered if one.bike_id == bike_id]
            assert seconds == list(range(1, len(seconds) + 1))
            assert seconds


class Client:
    """One that says what it likes."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_unix_connection(
            self._daemon.socket, limit=2**22
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        with suppress(OSError):
            await self.writer.wait_closed()
        await self._daemon.virtual.clock.settle()

    def say(self, **message: Any) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")

    def open(self, **changed: Any) -> None:
        self.say(
            **{"ask": "open", "bike_id": "bike-1", "live": True, "version": VERSION, **changed}
        )

    async def told(self, kind: str) -> dict[str, Any]:
        """The next of this kind."""
        async with asyncio.timeout(20):
            while True:
                message: dict[str, Any] = json.loads(await self.reader.readuntil(b"\n"))
                if message["tell"] == kind:
                    return message

    async def rest(self) -> bytes:
        """What is there until it is cut off, which must be soon."""
        with suppress(ConnectionError):
            async with asyncio.timeout(20):
                return await self.reader.read()
        return b""


def origin_of(session: DaemonSession) -> Origin:
    return session.state.origin


@asynccontextmanager
async def racing() -> AsyncIterator[Daemon]:
    with TemporaryDirectory(prefix="alleycat-") as directory:  # a socket's path is short
        daemon = Daemon(Path(directory))
        gateway = daemon.virtual.gateway
        async with serve_calibration(
            daemon.config.state_dir, gateway.leases, gateway.observer, daemon.virtual.clock
        ):
            await daemon.virtual.start()
            daemon.virtual.uplink.connect()
            await daemon.run_for(1)
            yield daemon
            await daemon.run_for(2)
            daemon.expect_every_second()
            await daemon.virtual.stop()


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    """At its end, whatever was done: no second is missing, none is there twice."""
    async with racing() as daemon:
        yield daemon


class TestSocket:
    async def test_socket_is_for_root_and_the_service_whatever_the_umask(self) -> None:
        old = os.umask(0o077)
        try:
            async with racing() as daemon:
                assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o660
        finally:
            os.umask(old)
        assert not daemon.socket.exists()

    async def test_socket_that_cannot_be_opened_is_a_note(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "missing"))
        async with racing() as daemon:
            pass
        (note,) = daemon.virtual.gateway.status.notes
        place = tmp_path / "missing/calibration.sock"
        assert note == f"calibration is not available at {place}: No such file or directory"

    async def test_sessions_hear_of_the_gateways_end(self) -> None:
        async with racing() as daemon:
            session = await daemon.session().__aenter__()
            await session.try_out(record())
        with pytest.raises(CalibrationError, match="closed the connection"):
            await session.undo()
        await session.__aexit__(None, None, None)


class TestOneSessionABike:
    async def test_second_live_session_is_refused_in_words(self, daemon: Daemon) -> None:
        async with daemon.session():
            with pytest.raises(CalibrationError, match="bike-1 is being calibrated in another"):
                await daemon.session().__aenter__()
            async with daemon.session("bike-2") as other:
                assert other.state.bike_id == "bike-2"
        await daemon.run_for(0.1)
        async with daemon.session():
            pass

    async def test_refused_session_ends_nothing(self, daemon: Daemon) -> None:
        async with daemon.session() as session:
            await session.try_out(record())
            with pytest.raises(CalibrationError):
                await daemon.session().__aenter__()
            await daemon.run_for(1)
            assert daemon.bike().trial is not None

    async def test_others_may_look_but_change_nothing_during_a_session(
        self, daemon: Daemon
    ) -> None:
        files = DaemonSession(daemon.socket, "bike-1", is_live=False)
        async with daemon.session() as session, files as desk:
            await session.save(record())
            with pytest.raises(CalibrationError, match="being calibrated in another session"):
                await desk.reset()
            assert daemon.store.load("bike-1") == record()
        await daemon.run_for(0.1)
        async with DaemonSession(daemon.socket, "bike-1", is_live=False) as desk:
            await desk.reset()

    async def test_unknown_bike_is_refused_with_the_known_ones(self, daemon: Daemon) -> None:
        with pytest.raises(
            CalibrationError, match=r"no bike 'bike-9'; its bikes: bike-1, bike-2\."
        ):
            await daemon.session("bike-9").__aenter__()

    async def test_another_version_is_refused_in_words(self, daemon: Daemon) -> None:
        async with Client(daemon) as client:
            client.open(version=VERSION + 1, news_of_that_version=True)
            why = (await client.told("refused"))["why"]
        assert why.startswith(
            f"the running gateway has version {VERSION} of the calibration protocol, "
        )


NOT_UNDERSTOOD = {
    "junk": b"\x00\xff\xfe junk\n",
    "no object": b"[]\n",
    "deep": b"[" * 60_000 + b"\n",
    "nothing": b"\n",
    "unknown": b'{"ask":"fly"}\n',
    "a field too many": b'{"ask":"undo","really":true}\n',
    "not a number": b'{"ask":"rollback","number":"NaN"}\n',
    "no calibration": b'{"ask":"try_out","record":{"bike_id":"bike-1"}}\n',
    "no table": ask_to_line(TryOut(record(points=(record().points[0],) * 2))),
    "opened twice": b'{"ask":"open","bike_id":"bike-1","live":true}\n',
}


class TestRudeClients:
    @pytest.mark.parametrize("line", NOT_UNDERSTOOD.values(), ids=NOT_UNDERSTOOD.keys())
    async def test_junk_ends_the_session_and_its_trial(self, daemon: Daemon, line: bytes) -> None:
        async with Client(daemon) as client:
            client.open()
            await client.told("done")
            client.writer.write(ask_to_line(TryOut(record())))
            await client.told("done")
            assert daemon.bike().trial is not None
            client.writer.write(line)
            why = (await client.told("ended"))["why"]
            assert why.startswith("invalid request: ")
            assert await client.rest() == b""
        assert daemon.bike().trial is None

    async def test_nothing_can_be_asked_before_a_bike_is_opened(self, daemon: Daemon) -> None:
        async with Client(daemon) as client:
            client.writer.write(ask_to_line(Save(record())))
            assert (await client.told("ended"))[
                "why"
            ] == "invalid request: save is not allowed in this session"
        assert not daemon.store.directory.exists()

    async def test_session_that_is_not_live_tries_nothing_out(self, daemon: Daemon) -> None:
        async with Client(daemon) as client:
            client.open(live=False)
            await client.told("done")
            client.writer.write(ask_to_line(TryOut(record())))
            await client.told("ended")
        assert daemon.bike().trial is None

    async def test_a_line_without_end_is_cut_off(self, daemon: Daemon) -> None:
        async with Client(daemon) as client:
            client.open()
            await client.told("done")
            client.writer.write(b"x" * (4 * ASK_MAX_BYTES))
            await client.rest()
        assert not daemon.virtual.gateway.leases.taken

    @pytest.mark.parametrize("said", [b"", b'{"ask":"op'], ids=["nothing", "half a line"])
    async def test_client_that_opens_nothing_is_cut_off_after_ten_seconds(
        self, daemon: Daemon, said: bytes
    ) -> None:
        async with Client(daemon) as client:
            client.writer.write(said)
            await daemon.run_for(9)
            assert not client.reader.at_eof()
            await daemon.run_for(3)
            assert await client.rest() == b""

    @pytest.mark.parametrize(
        "lie",
        [b"", b'{"ask":"un', b'{"ask":"here","number":0}\n' * 3, b'{"ask":"here","number":99}\n'],
    )
    async def test_client_that_answers_no_ping_is_cut_off_and_its_trial_undone(
        self, daemon: Daemon, lie: bytes
    ) -> None:
        async with Client(daemon) as client:
            client.open()
            await client.told("done")
            client.writer.write(ask_to_line(TryOut(record())))
            await client.told("done")
            await daemon.run_for(5)
            client.writer.write(lie)
            await daemon.run_for(4)
            assert daemon.bike().trial is not None
            await daemon.run_for(3)
            assert daemon.bike().trial is None
            await client.rest()

    @pytest.mark.slow
    async def test_client_that_answers_pings_stays(self, daemon: Daemon) -> None:
        async with daemon.session() as session:
            await session.try_out(record())
            await daemon.run_for(60)
            assert session.state.origin is Origin.TRIAL
            assert daemon.bike().trial is not None

    @pytest.mark.slow
    async def test_little_is_kept_for_a_client_that_never_reads(self, daemon: Daemon) -> None:
        with capture_logs() as logs:
            async with Client(daemon) as client:
                client.open()
                await client.told("done")
                client.writer.transport.pause_reading()  # type: ignore[attr-defined]
                for at_ns in range(MANY):
                    daemon.bike().fanout.add(Reading(at_ns, resistance_raw=500.0))
                await daemon.run_for(12)
            assert not daemon.virtual.gateway.leases.taken
        (dropped,) = [log["dropped"] for log in logs if "dropped" in log]
        line = len(b'{"reading":{"at_ns":10000,"resistance_raw":500.0},"tell":"heard"}\n')
        kernel_bytes = 512 * 1024
        assert MANY - dropped < (WAITING_MAX_BYTES + kernel_bytes) / line

    async def test_a_flood_is_taken_in_turns_with_the_race(self, daemon: Daemon) -> None:
        async with Client(daemon) as client:
            client.open()
            await client.told("done")
            client.writer.write(b'{"ask":"undo"}\n' * 4000)
            rounds = 100
            for _ in range(rounds):
                await asyncio.sleep(0)
            client.writer.transport.abort()
            answers = (await client.rest()).count(b'"done"')
        assert 0 < answers <= rounds

    async def test_clients_beyond_the_limit_are_sent_away(self, daemon: Daemon) -> None:
        clients = [Client(daemon) for _ in range(CLIENTS_MAX)]
        for one in clients:
            await one.__aenter__()
        with pytest.raises(CalibrationError, match="closed the connection: it is stopping"):
            await daemon.session().__aenter__()
        for one in clients:
            await one.__aexit__()
        async with daemon.session() as session:
            assert session.state.bike_id == "bike-1"

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.binary(max_size=200), max_size=5))
    async def test_client_after_one_that_sends_junk_is_served(
        self, daemon: Daemon, said: list[bytes]
    ) -> None:
        async with Client(daemon) as client:
            for piece in said:
                client.writer.write(piece)
            client.writer.write_eof()
            await client.rest()
        async with daemon.session() as session:
            assert session.state.origin is Origin.BIKE
        await daemon.virtual.clock.settle()


class TestEndOfConnection:
    async def test_a_killed_client_leaves_the_old_calibration(self, daemon: Daemon) -> None:
        async with daemon.session() as session:
            await session.save(record())
        await daemon.run_for(0.1)
        async with Client(daemon) as client:
            client.open()
            await client.told("done")
            client.writer.write(ask_to_line(TryOut(None)))
            await client.told("done")
        await daemon.run_for(0.1)
        assert daemon.bike().trial is None
        assert daemon.bike().calibration.record == record()
        assert daemon.store.backups("bike-1") == {}

    async def test_save_is_carried_out_though_its_client_was_killed(self, daemon: Daemon) -> None:
        """Its file and what is in use never differ, even if nobody hears of it."""
        async with Client(daemon) as client:
            client.open()
            await client.told("done")
            client.writer.write(ask_to_line(Save(record())))
        async with asyncio.timeout(20):
            while daemon.virtual.gateway.leases.taken:  # noqa: ASYNC110 nothing rings
                await asyncio.sleep(0)
        assert daemon.bike().calibration.record == daemon.store.load("bike-1") == record()


class TestSlowDisk:
    @pytest.mark.slow
    async def test_race_and_session_go_on_while_the_disk_is_slow(
        self, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        is_back, save = threading.Event(), CalibrationStore.save

        def save_late(store: CalibrationStore, *args: Any) -> Path:
            assert is_back.wait(20)
            return save(store, *args)

        monkeypatch.setattr(CalibrationStore, "save", save_late)
        work_in_threads()
        async with daemon.session() as session:
            await session.try_out(None)
            saving = asyncio.create_task(session.save(record()))
            before = len(daemon.virtual.delivered)
            await daemon.run_for(30)
            assert len(daemon.virtual.delivered) == before + 2 * 30
            assert session.state.origin is Origin.TRIAL
            is_back.set()
            await saving
            assert origin_of(session) is Origin.SAVED
            await daemon.run_for(12)
            await session.undo()


async def _hear_all(news: AsyncIterator[object]) -> None:
    async for _ in news:
        pass


class TestReload:
    async def test_a_bike_taken_away_ends_the_session_in_words(self, daemon: Daemon) -> None:
        _, two = daemon.config.bikes
        async with daemon.session() as session:
            await daemon.reload([two])
            await daemon.run_for(1)
            with pytest.raises(CalibrationError, match="bike-1 was removed from the gateway's con"):
                await session.try_out(record())
            daemon.stay.remove("bike-1")
        await daemon.reload(daemon.config.bikes)
        assert daemon.bike().trial is None

    async def test_session_that_only_listens_hears_of_a_removed_bike_within_a_second(
        self, daemon: Daemon
    ) -> None:
        _, two = daemon.config.bikes
        daemon.stay.remove("bike-1")
        async with daemon.session() as session:
            news = session.news()
            await anext(news)
            await daemon.reload([two])
            await daemon.run_for(1)
            with pytest.raises(CalibrationError, match="bike-1 was removed from the gateway's con"):
                await _hear_all(news)
        assert not daemon.virtual.gateway.leases.taken

    async def test_another_machine_ends_the_session_and_at_once_its_trial(
        self, daemon: Daemon
    ) -> None:
        one, two = daemon.config.bikes
        other = one.model_copy(update={"options": {**one.options, "seed": 7}})
        async with daemon.session() as session:
            await session.try_out(record())
            applying = asyncio.create_task(daemon.reload([other, two]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert daemon.bike().trial is None
            await applying
            with pytest.raises(
                CalibrationError, match="assigns bike-1 to another device, fake seed 7"
            ):
                await session.try_out(record())

    async def test_a_bike_that_stays_keeps_trial_and_session(self, daemon: Daemon) -> None:
        one, two = daemon.config.bikes
        async with daemon.session() as session:
            await session.try_out(record())
            await daemon.reload([one.model_copy(update={"calibration": [(0, 0), (9, 9)]}), two])
            assert session.state.origin is Origin.TRIAL
            trial = daemon.bike().trial
            assert trial is not None
            assert trial.table is not None
            assert trial.table.percent_at(803) == 50
            await session.undo()
            assert origin_of(session) is Origin.CONFIG

    async def test_saved_calibration_stays_over_a_reload(self, daemon: Daemon) -> None:
        one, two = daemon.config.bikes
        async with daemon.session() as session:
            await session.save(record())
            await daemon.reload([one.model_copy(update={"calibration": [(0, 0), (9, 9)]}), two])
            assert (session.state.origin, session.state.record) == (Origin.SAVED, record())
