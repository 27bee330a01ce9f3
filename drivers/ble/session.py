"""One connection to a Bluetooth bike: what it speaks, and all that is said until it is lost."""

import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress

from drivers.ble.connection import Connection
from drivers.contract import BikeLost, Clock
from drivers.conversation import SILENCE_NS, Conversation
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import Gatt
from drivers.protocols.ftms_control import (
    CONTROL_POINT_UUID,
    FEATURE_UUID,
    RESISTANCE_RANGE_UUID,
    TRAINING_STATUS_UUID,
    decode_features,
    decode_range,
    describe_response,
    describe_training_status,
)
from drivers.reading import Reading

#: Spoken over a connection, best first: what a bike of which nothing is known is taken for.
GATT_PROTOCOLS = {name: made.gatt for name, made in PROTOCOLS.items() if made.gatt is not None}
#: Of no use as the only one.
COMPANIONS = frozenset({"heart_rate"})

#: How often a protocol may ask its bike something, and the strap is looked at.
ASK_EVERY_S = 0.25

log = logging.getLogger(__name__)


def spoken(connection: Connection) -> list[str]:
    """The protocols that a bike speaks, best first."""
    return [name for name, gatt in GATT_PROTOCOLS.items() if _has(connection, gatt)]


def inventory(connection: Connection) -> str:
    """What the bike has, for whoever has to find out why it is not understood."""
    services = (f"{uuid[4:8]}" if uuid.endswith(_SIG) else uuid for uuid in connection.services)
    return f"services found: {', '.join(services) or 'none'}"


_SIG = "-0000-1000-8000-00805f9b34fb"


async def claims(connection: Connection) -> str:
    """What a silent FTMS machine says of itself, for the same; empty if it says nothing."""
    said = []
    for uuid, describe in _CLAIMS.items():
        if any(uuid in characteristics for characteristics in connection.services.values()):
            with suppress(BikeLost):
                said.append(describe(await connection.read(uuid)))
    return f"; it claims: {'; '.join(said)}" if said else ""


_CLAIMS = {
    FEATURE_UUID: lambda data: ", ".join(decode_features(data)) or "no features",
    RESISTANCE_RANGE_UUID: lambda data: f"resistance {decode_range(data) or 'of no range'}",
    TRAINING_STATUS_UUID: describe_training_status,
}


def _has(connection: Connection, gatt: Gatt) -> bool:
    characteristics = connection.services.get(gatt.service, frozenset())
    return not characteristics.isdisjoint(gatt.notify)


class BleSession:
    """`talks`: the main protocol first. `strap`: a heart rate strap's Readings as they come."""

    def __init__(
        self,
        connection: Connection,
        talks: Iterable[Conversation],
        strap: deque[Reading],
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._talks = list(talks)
        self._strap = strap
        self._clock = clock

    async def readings(self) -> AsyncGenerator[Reading, None]:
        """Until the bike is gone or falls silent, which raises BikeLost."""
        by_characteristic = await self._subscribe()
        while True:
            heard = await self._connection.hear(ASK_EVERY_S)
            now_ns = self._clock.monotonic_ns()
            readings = [] if heard is None else self._understood(by_characteristic, now_ns, *heard)
            if self._talks[0].was_understood:  # before that the others do not make it a bike
                while self._strap:
                    yield self._strap.popleft()
                for reading in readings:
                    yield reading
            if self._talks[0].is_silent(now_ns):
                raise BikeLost(f"the bike fell silent for {SILENCE_NS / 1e9:g} s")
            for talk in self._talks:
                await self._ask(talk, now_ns)

    async def _subscribe(self) -> dict[str, Conversation]:
        """Who understands which characteristic. Raises BikeLost if none of them can be heard."""
        subscribed: dict[str, Conversation] = {}
        reasons = []
        for talk in self._talks:
            for characteristic in GATT_PROTOCOLS[talk.name].notify:
                try:
                    await self._connection.subscribe(characteristic)
                except BikeLost as error:
                    reasons.append(str(error))
                else:
                    subscribed[characteristic] = talk
        if not subscribed:
            raise BikeLost(f"{'; '.join(reasons)}; {inventory(self._connection)}")
        return subscribed

    def _understood(
        self,
        by_characteristic: dict[str, Conversation],
        now_ns: int,
        characteristic: str,
        data: bytes,
    ) -> list[Reading]:
        talk = by_characteristic.get(characteristic)
        if talk is not None:
            return talk.hear(now_ns, data)
        if characteristic == CONTROL_POINT_UUID:
            log.info("the bike answers: %s", describe_response(data))
        return []

    async def _ask(self, talk: Conversation, now_ns: int) -> None:
        request = talk.request(now_ns)
        command = GATT_PROTOCOLS[talk.name].command
        if command is None or not request:
            return
        # Bikes refuse commands as they like, and stream all the same.
        with suppress(BikeLost):
            if self._connection.answers_by_itself(command):
                await self._connection.subscribe(command)
            await self._connection.write(command, request)
