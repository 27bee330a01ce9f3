"""One connection to a Bluetooth bike: its protocols, and its Readings until it is lost."""

import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from dataclasses import replace

from drivers.ble.companions import Companions
from drivers.ble.connection import NOTIFYING, WRITABLE, Connection, NotAnswered
from drivers.ble.start import StartTrial
from drivers.contract import BikeLost, Clock
from drivers.conversation import Conversation
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import Gatt
from drivers.protocols.standard.ftms_control import (
    CONTROL_POINT_UUID,
    FEATURE_UUID,
    RESISTANCE_RANGE_UUID,
    SUCCESS,
    TRAINING_STATUS_UUID,
    decode_features,
    decode_range,
    decode_response,
    describe_response,
    describe_training_status,
)
from drivers.reading import Frame, Reading
from drivers.survey import BikeNotUnderstood

#: Protocols that need a connection, best first: the order in which `auto` tries them.
GATT_PROTOCOLS = {name: made.gatts for name, made in PROTOCOLS.items() if made.gatts}
#: Protocols that are useful only in addition to a bike's own.
COMPANIONS = frozenset({"heart_rate"})

#: Timeout of a read or a subscription of what a protocol asks for, in seconds. It is short because
#: nothing else is heard meanwhile, and a bike has few seconds to be started.
ASK_S = 1.0
#: Timeout of a write, in seconds. Bikes may take more than a second to answer one, and BlueZ
#: refuses the next one until then.
WRITE_S = 2.0
#: Seconds between polls: a protocol may send a request, and the strap's Readings are collected.
ASK_EVERY_S = 0.25

log = logging.getLogger(__name__)


def spoken(connection: Connection) -> dict[str, Gatt]:
    """Return the protocols that a bike may speak, best first, each with its service there."""
    found = {
        name: next(filter(None, (_usable(connection, gatt) for gatt in gatts)), None)
        for name, gatts in GATT_PROTOCOLS.items()
    }
    return {name: gatt for name, gatt in found.items() if gatt is not None}


def owners_of(connection: Connection, protocols: Iterable[str]) -> dict[str, str]:
    """Return the protocol that each characteristic of the bike belongs to, of those `protocols`.

    If two protocols share one, the first of them owns it.
    """
    has = spoken(connection)
    owners: dict[str, str] = {}
    for name in protocols:
        for characteristic in (*has[name].notify, has[name].command):
            if characteristic is not None:
                owners.setdefault(characteristic, name)
    return owners


def inventory(connection: Connection) -> str:
    """Describe the bike's services, to explain why it is not understood."""
    services = (f"{uuid[4:8]}" if uuid.endswith(_SIG) else uuid for uuid in connection.services)
    return f"services found: {', '.join(services) or 'none'}"


_SIG = "-0000-1000-8000-00805f9b34fb"


async def claims(connection: Connection) -> str:
    """Describe the abilities that a silent FTMS bike reports; empty if it reports none."""
    reported = []
    for uuid, describe in _CLAIMS.items():
        if any(uuid in characteristics for characteristics in connection.services.values()):
            with suppress(BikeLost):
                reported.append(describe(await connection.read(uuid)))
    return f"; it reports: {'; '.join(reported)}" if reported else ""


_CLAIMS = {
    FEATURE_UUID: lambda data: ", ".join(decode_features(data)) or "no features",
    RESISTANCE_RANGE_UUID: lambda data: f"resistance {decode_range(data) or 'without a range'}",
    TRAINING_STATUS_UUID: describe_training_status,
}


def _usable(connection: Connection, gatt: Gatt) -> Gatt | None:
    """Return what the bike has of a service and can be used; None if it can send nothing there.

    Other makers use the same numbers for other purposes: a characteristic to be listened to may be
    one that can only be written.
    """
    has = connection.services.get(gatt.service, {})
    notify = tuple(one for one in gatt.notify if not NOTIFYING.isdisjoint(has.get(one, ())))
    is_writable = not WRITABLE.isdisjoint(has.get(gatt.command or "", ()))
    usable = replace(gatt, notify=notify, command=gatt.command if is_writable else None)
    return usable if notify else None


def at_rest(readings: Iterable[Reading]) -> list[Reading]:
    """Return the Readings of a bike whose rider rests: a cadence is only that of its flywheel."""
    return [replace(one, cadence_rpm=0) if one.cadence_rpm else one for one in readings]


class BleSession:
    """The Readings of one connection.

    `talks` has the main protocol first; `strap` receives the Readings of a heart rate strap.
    """

    def __init__(
        self,
        connection: Connection,
        talks: Iterable[Conversation],
        companions: Companions,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._talks = list(talks)
        self._gatts = spoken(connection)
        #: Which conversation gets the answers on a command characteristic. The main one is first.
        self._answered = {self._gatts[talk.name].command: talk for talk in reversed(self._talks)}
        self._companions = companions
        self._clock = clock
        #: When the bike was last written to.
        self.asked_ns: int | None = None
        #: When the bike fell silent, if it did.
        self.silent_ns: int | None = None
        self.start = StartTrial(clock.monotonic_ns())

    @property
    def was_understood(self) -> bool:
        """Whether the main protocol has given a Reading."""
        return self._talks[0].was_understood

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """Yield Readings until the bike disconnects or falls silent. Raises BikeLost then."""
        by_characteristic = await self._subscribe()
        while True:
            heard = await self._connection.hear(ASK_EVERY_S)
            at_ns = self._clock.monotonic_ns() if heard is None else heard.at_ns
            readings = [] if heard is None else self._understood(by_characteristic, heard)
            # Only the main protocol proves that this is a bike.
            if self.was_understood:
                for beat in self._companions.take_beats(at_ns):
                    yield beat
                for reading in readings:
                    yield self._companions.completed(reading)
            # Later notifications may still be waiting to be taken.
            if self._talks[0].is_silent(at_ns):
                self.silent_ns = at_ns
                silent_s = self._talks[0].protocol.lost_after_s
                raise BikeLost(f"the bike was silent for {silent_s:g} s")
            for talk in self._talks:
                await self._ask(talk)

    async def _subscribe(self) -> dict[str, Conversation]:
        """Return the conversation of each characteristic that could be subscribed to.

        Raises BikeLost if the link is lost, BikeNotUnderstood if there is none.
        """
        subscribed: dict[str, Conversation] = {}
        reasons = []
        for talk in self._talks:
            for characteristic in self._gatts[talk.name].notify:
                try:
                    await self._connection.subscribe(characteristic)
                except BikeLost as error:
                    reasons.append(str(error))
                else:
                    subscribed[characteristic] = talk
        if not subscribed:
            reason = f"{'; '.join(reasons)}; {inventory(self._connection)}"
            raise BikeNotUnderstood(reason) if self._connection.is_linked else BikeLost(reason)
        return subscribed

    def _understood(
        self, by_characteristic: dict[str, Conversation], heard: Frame
    ) -> list[Reading]:
        at_ns, data, characteristic = heard.at_ns, heard.data, heard.characteristic
        talk = by_characteristic.get(characteristic)
        if talk is not None:
            readings = talk.hear(at_ns, data, characteristic)
            if talk is self._talks[0] and data:
                self.start.heard(at_ns, readings)
            return at_rest(readings) if self._talks[0].is_at_rest(at_ns) else readings
        if characteristic == CONTROL_POINT_UUID:
            log.info("the bike answered a control command: %s", describe_response(data))
            response = decode_response(data)
            if response is not None and response.result == SUCCESS:
                self.start.accepted()
        if characteristic in self._answered:
            self._answered[characteristic].learn(at_ns, data, characteristic)
        return []

    async def _ask(self, talk: Conversation) -> None:
        command = self._gatts[talk.name].command
        if command is None:
            return
        now_ns = self._clock.monotonic_ns()
        if wanted := talk.protocol.wanted(now_ns):
            with suppress(BikeLost):
                talk.learn(now_ns, await self._connection.read(wanted, ASK_S), wanted)
        for request in talk.requests(now_ns, command):
            # Some bikes refuse to indicate their answers, or refuse commands, and send their data
            # regardless.
            with suppress(BikeLost):
                if self._connection.answers_by_itself(command):
                    await self._connection.subscribe(command, ASK_S)
            self.asked_ns = self._clock.monotonic_ns()
            if talk.protocol.starts(request):
                self.start.sent(self.asked_ns, request)
            try:
                await self._connection.write(command, request, WRITE_S)
            except NotAnswered:
                log.debug("no answer to a write of %s in %g s", command, WRITE_S)
            except BikeLost:
                talk.protocol.refused()
