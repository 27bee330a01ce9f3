"""The driver `ble`: a Bluetooth Low Energy bike, either connected or received as a broadcast."""

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from drivers.ble.broadcasts import overheard
from drivers.ble.companions import Companions
from drivers.ble.connection import Connection
from drivers.ble.finding import NAME_S, READ_NAME_S, find_bike
from drivers.ble.options import AUTO, KEISER, BleOptions
from drivers.ble.parameters import update_parameters
from drivers.ble.radio import Advertisement, Radio, open_radio
from drivers.ble.recognition import recognise, rivals_of
from drivers.ble.scan import scan_air, speaks_keiser
from drivers.ble.session import (
    COMPANIONS,
    BleSession,
    claims,
    inventory,
    owners_of,
    spoken,
)
from drivers.ble.survey import record_all
from drivers.clock import MachineClock
from drivers.contract import (
    BikeLost,
    Clock,
    FrameListener,
    FrameSource,
    Reception,
    ignore_frame,
)
from drivers.conversation import Conversation, first_within, resumed
from drivers.discovery import FoundBike
from drivers.profiles import BikeProfile, profile_of, profile_speaking
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import StartableProtocol, WireProtocol
from drivers.protocols.bluetooth.keiser import Keiser
from drivers.reading import Reading
from drivers.survey import BikeNotUnderstood, DeviceInventory, ignore_note
from drivers.tuning import Tuning

#: How long a connected bike has to send its first valid Reading, in seconds, including its start
#: sequence.
UNDERSTAND_S = 9.0

log = logging.getLogger(__name__)


class BleBike(FrameSource):
    """The driver `ble`. A bike is open after its first Reading, and lost when it falls silent."""

    Options = BleOptions

    def __init__(self, options: BleOptions, clock: Clock, name: str | None = None) -> None:
        self._options = options
        self._clock = clock
        self.stale_after_s = (
            3.0 if options.protocol == AUTO else PROTOCOLS[options.protocol].stale_after_s
        )
        #: Protocols of this bike that sent nothing when they were tried, or are not those that it
        #: was recognised by.
        self._mute: set[str] = set()
        #: The name of the bike, empty if it has none; None before the first connection.
        self._name = name
        #: Whether the bike left at a command that starts it: it gets none, until it has not moved
        #: on a whole connection without one.
        self._leaves_at_start = False
        self._was_warned = False
        #: Why `open_bike` is waiting; see WaitingDriver.
        self.waits_because = ""
        #: The adapter in use, and the last signal of the bike; see RadioDriver.
        self.reception: Reception | None = None

    @staticmethod
    def discover(seconds: float) -> AsyncIterator[FoundBike]:
        """Scan for bikes with the first adapter that is on."""
        return scan_air(seconds, MachineClock())

    @staticmethod
    def discover_with(adapter: str, seconds: float) -> AsyncIterator[FoundBike]:
        """Scan for bikes with an adapter, which then becomes one of their options."""
        return scan_air(seconds, MachineClock(), adapter)

    @asynccontextmanager
    async def open_bike(
        self, on_frame: FrameListener = ignore_frame
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        options = self._options
        adapter = await open_radio(options.adapter, self._clock)
        if self.reception is None or self.reception.adapter != adapter.adapter:
            self.reception = Reception(adapter.adapter)
        async with AsyncExitStack() as stack:
            found = await self._found(stack, adapter)
            self._measure(adapter, found)
            if self._is_broadcasting(found):
                tuning = options.over(profile_speaking(KEISER))
                talk = self._conversation(KEISER, Keiser(), tuning, on_frame)
                opened = self._overheard(adapter, found, talk)
            else:
                opened = self._connected(adapter, found, on_frame)
            yield await stack.enter_async_context(opened)

    async def _found(self, stack: AsyncExitStack, adapter: Radio) -> Advertisement:
        self.waits_because = f"{self._options.who} has not been found yet: pedal to wake it up"
        name_s = NAME_S if self._name is None else 0.0
        try:
            return await stack.enter_async_context(find_bike(self._options, adapter, name_s))
        finally:
            self.waits_because = ""

    async def _name_of(self, adapter: Radio, connected: Advertisement) -> str:
        """Return the name of the connected bike, if necessary that of an earlier connection."""
        wait_s = READ_NAME_S if self._name is None else 0.0
        if connected.name or not self._name:
            self._name = connected.name or await adapter.name_of(connected, wait_s)
        return self._name

    def _measure(self, adapter: Radio, heard: Advertisement) -> None:
        if heard.rssi_dbm is not None:
            now_ns = self._clock.monotonic_ns()
            self.reception = Reception(adapter.adapter, heard.rssi_dbm, now_ns)

    async def survey(
        self,
        on_device: Callable[[DeviceInventory], None],
        on_frame: FrameListener,
        on_note: Callable[[str], None] = ignore_note,
    ) -> None:
        adapter = await open_radio(self._options.adapter, self._clock)
        async with (
            find_bike(self._options, adapter) as found,
            adapter.connect(found) as connection,
        ):
            name = await self._name_of(adapter, found)
            await record_all(connection, name, on_device, on_frame, on_note)

    def _is_broadcasting(self, found: Advertisement) -> bool:
        if self._options.protocol != AUTO:
            return self._options.protocol == KEISER
        return speaks_keiser(found)

    @asynccontextmanager
    async def _overheard(
        self, adapter: Radio, found: Advertisement, talk: Conversation
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        if self._options.second_power_meter is not None:
            log.warning(
                "%s broadcasts the power of both legs, so its second_power_meter is not used",
                self._options.who,
            )
        companions = self._companions(second_power_meter=None)
        readings = overheard(adapter, found, talk, self._options, companions, self._measure)
        async with companions.listening(), aclosing(readings):
            first = await first_within(self._clock, UNDERSTAND_S, readings)
            if first is None:
                raise BikeLost(f"{self._options.who} is broadcasting, but {talk.silence}")
            self.stale_after_s = talk.protocol.stale_after_s
            yield resumed(first, readings)

    @asynccontextmanager
    async def _connected(
        self,
        adapter: Radio,
        found: Advertisement,
        on_frame: FrameListener,
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        async with adapter.connect(found) as connection:
            name = await self._name_of(adapter, found)
            owners: dict[str, str] = {}
            connection.on_frame = lambda frame: on_frame(
                owners.get(frame.characteristic, ""), frame
            )
            main = await self._main_protocol(connection, profile_of(name))
            profile = profile_speaking(main, name)
            if profile.update_parameters:
                await self._update_parameters(found.address)
            talks = self._conversations(connection, main, profile)
            owners.update(owners_of(connection, [talk.name for talk in talks]))
            try:
                async with self._understood(connection, talks) as readings:
                    yield readings
            except BikeNotUnderstood:
                self._mute.add(main)
                # Perhaps it is silent because it was not started.
                self._leaves_at_start = False
                raise

    @asynccontextmanager
    async def _understood(
        self, connection: Connection, talks: list[Conversation]
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        companions = self._companions(self._options.second_power_meter)
        session = BleSession(connection, talks, companions, self._clock)
        try:
            async with companions.listening(), aclosing(session.readings()) as readings:
                first = await first_within(self._clock, UNDERSTAND_S, readings)
                if first is None:
                    raise BikeNotUnderstood(
                        f"{self._options.who} is connected, but {talks[0].silence}; "
                        "if pedalling does not help, set its option `services` or `start`; "
                        f"{inventory(connection)}{await claims(connection)}"
                    )
                yield resumed(first, readings)
        finally:
            self._remember_end(connection, session, talks[0].name)

    def _remember_end(self, connection: Connection, session: BleSession, main: str) -> None:
        """Remember a command or a protocol after which the bike left, so as not to repeat it."""
        end_ns = session.silent_ns if connection.lost_ns is None else connection.lost_ns
        if end_ns is None:
            return
        if session.start.was_the_end(end_ns):
            self._leaves_at_start = True
            log.warning(
                "%s disconnected or fell silent when it was sent a command to start; the gateway "
                "sends no start command on the next connection: if the bike stays at 0, start it "
                "at its console, or set its option `start` to the commands that it expects",
                self._options.who,
            )
        elif connection.left_after(session.asked_ns) and not session.was_understood:
            self._mute.add(main)
        elif session.start.is_needed(end_ns):
            self._leaves_at_start = False

    async def _main_protocol(self, connection: Connection, profile: BikeProfile) -> str:
        """Return the protocol to speak with the bike. Raises BikeLost if it does not speak it."""
        options = self._options
        has = spoken(connection)
        main = options.protocol
        if main == AUTO:
            main = self._best(_main_protocols(has, profile))
        if main not in has:
            wanted = "any protocol that the gateway knows" if main == AUTO else main
            raise BikeNotUnderstood(
                f"{options.who} is connected, but does not support {wanted}; "
                f"{inventory(connection)}"
            )
        rivals = {
            name: gatt for name, gatt in rivals_of(main, has).items() if name not in self._mute
        }
        if options.protocol != AUTO or len(rivals) == 1:
            return main
        # The protocol of the bike's name is tried first: bikes may leave at the probe of another.
        likely = [name for name in rivals if name == profile.protocol]
        rivals = {name: rivals[name] for name in (*likely, *rivals)}
        found = await recognise(connection, rivals, self._clock, self._mute)
        if found is None:
            raise BikeNotUnderstood(
                f"{options.who} is connected, but answered in none of these protocols: "
                f"{', '.join(rivals)}; {inventory(connection)}"
            )
        return found

    def _conversations(
        self, connection: Connection, main: str, profile: BikeProfile
    ) -> list[Conversation]:
        """Return the conversations with the bike, the main one first."""
        options = self._options
        has = spoken(connection)
        services = profile.services if options.services is None else options.services
        names = [main, *(name for name in services if name in has and name != main)]
        protocols = {name: self._protocol(name, profile) for name in names}
        self.stale_after_s = protocols[main].stale_after_s
        # The profile's tuning corrects the main protocol only; the others may report correctly.
        tunings = {main: options.over(profile)}
        return [
            # The connection itself passes on the frames, with those of no conversation.
            self._conversation(name, made, tunings.get(name, Tuning()), ignore_frame)
            for name, made in protocols.items()
        ]

    def _best(self, has: list[str]) -> str:
        """Return the best protocol that has not been silent before, or AUTO if there is none.

        Some bikes offer services that never send anything. Once all have been silent, the search
        starts again from the best.
        """
        if self._mute.issuperset(has):
            self._mute.clear()
        return next((name for name in has if name not in self._mute), AUTO)

    def _protocol(self, name: str, profile: BikeProfile) -> WireProtocol:
        start = profile.start if self._options.start is None else self._options.start
        made: type[WireProtocol] = PROTOCOLS[name]
        if issubclass(made, StartableProtocol) and start is not None:
            protocol: WireProtocol = made(tuple(bytes.fromhex(command) for command in start))
        else:
            protocol = made()
        if self._leaves_at_start:
            protocol.never_start()
        return protocol

    def _conversation(
        self, name: str, protocol: WireProtocol, tuning: Tuning, on_frame: FrameListener
    ) -> Conversation:
        return Conversation(name, protocol, tuning, self._clock.monotonic_ns(), on_frame)

    async def _update_parameters(self, address: str) -> None:
        """Update the link's parameters; log a failure only, as the bike can be reconnected."""
        try:
            await update_parameters(address, self._clock)
        except OSError as error:
            if not self._was_warned:
                log.warning(
                    "cannot change the connection parameters, so %s will disconnect every 30 s: %s",
                    address,
                    error,
                )
            self._was_warned = True

    def _companions(self, second_power_meter: str | None) -> Companions:
        """Return the companions. What corrects one power meter corrects both."""
        options = self._options
        tuning = {"power_scale": options.power_scale, "power_offset_w": options.power_offset_w}
        return Companions(
            self._companion(options.heart_rate, "heart_rate", {}),
            self._companion(second_power_meter, "cycling_power", tuning),
            self._clock,
        )

    def _companion(
        self, address: str | None, protocol: str, tuning: Mapping[str, float | None]
    ) -> "BleBike | None":
        if address is None:
            return None
        adapter = self._options.adapter
        options = {"address": address, "protocol": protocol, "adapter": adapter, **tuning}
        # Its protocol is known without its name, so that is not waited for.
        return BleBike(BleOptions.model_validate(options), self._clock, name="")


def _main_protocols(has: Iterable[str], profile: BikeProfile) -> list[str]:
    """Return the protocols that may be the main one, best first.

    What the profile lists as additional or as mute is the main one only for a bike that has
    nothing else.
    """
    bikes = [name for name in has if name not in COMPANIONS]
    return [name for name in bikes if name not in (*profile.services, *profile.mute)] or bikes
