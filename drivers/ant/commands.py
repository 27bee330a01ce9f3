"""The commands for an ANT stick, and its answers. Pure.

Source: Tigge/openant openant/base/ant.py and message.py; GoldenCheetah/GoldenCheetah #731.
"""

from dataclasses import dataclass

from drivers.protocols.ant.messages import AntMessage
from drivers.protocols.base import AntChannel

ANSWER = 0x40
UNASSIGN = 0x41
ASSIGN = 0x42
SET_PERIOD = 0x43
SET_SEARCH_TIMEOUT = 0x44
SET_FREQUENCY = 0x45
SET_NETWORK_KEY = 0x46
RESET = 0x4A
OPEN = 0x4B
CLOSE = 0x4C
REQUEST = 0x4D
SET_DEVICE = 0x51
CAPABILITIES = 0x54
OPEN_SCAN = 0x5B
REPORT_DEVICES = 0x66
STARTED = 0x6F

#: The id in an answer that is an event of a channel, and the event that it receives nothing more.
EVENT = 0x01
CHANNEL_CLOSED = 0x07

#: ANT+ is at 2457 MHz: the number is in MHz above 2400.
_FREQUENCY = 57
_NETWORK = 0
_RECEIVE = 0x00
_FOR_EVER = 0xFF


@dataclass(frozen=True, slots=True)
class StickAnswer:
    """The answer to the command `to`, with the code 0 if it was carried out; or an EVENT."""

    channel: int
    to: int
    code: int

    @property
    def is_closed(self) -> bool:
        """Whether the channel has closed, on command or because its search has ended."""
        return self.to == EVENT and self.code == CHANNEL_CLOSED


def decode_answer(message: AntMessage) -> StickAnswer | None:
    """Return the answer in a message; None if it is another message."""
    if message.id != ANSWER or len(message.payload) < 3:
        return None
    return StickAnswer(*message.payload[:3])


def encode_answer(answer: StickAnswer) -> AntMessage:
    """Return the message of an answer."""
    return AntMessage(ANSWER, bytes((answer.channel, answer.to, answer.code)))


def prepare(network_key: bytes) -> tuple[AntMessage, ...]:
    """Return the commands that a stick needs after its start, all of which it answers."""
    return (
        AntMessage(SET_NETWORK_KEY, bytes((_NETWORK,)) + network_key),
        AntMessage(REPORT_DEVICES, bytes((0, 1))),
    )


def open_channel(number: int, channel: AntChannel, device_number: int) -> tuple[AntMessage, ...]:
    """Return the commands that open a channel for one device."""
    device = device_number.to_bytes(2, "little") + bytes((channel.device_type, 0))
    return (
        AntMessage(ASSIGN, bytes((number, _RECEIVE, _NETWORK))),
        AntMessage(SET_DEVICE, bytes((number,)) + device),
        AntMessage(SET_PERIOD, bytes((number,)) + channel.period_ticks.to_bytes(2, "little")),
        AntMessage(SET_SEARCH_TIMEOUT, bytes((number, _FOR_EVER))),
        AntMessage(SET_FREQUENCY, bytes((number, _FREQUENCY))),
        AntMessage(OPEN, bytes((number,))),
    )


def open_scan() -> tuple[AntMessage, ...]:
    """Return the commands that receive every device, for which no channel may be open."""
    return (
        AntMessage(ASSIGN, bytes((0, _RECEIVE, _NETWORK))),
        AntMessage(SET_DEVICE, bytes(5)),
        AntMessage(SET_FREQUENCY, bytes((0, _FREQUENCY))),
        AntMessage(OPEN_SCAN, bytes((0, 1))),
    )
