"""The framing that iConsole and Domyos consoles share: F0, a message, and its sum.

    F0 <op> <body> <sum of all bytes before it>

A console cuts a message after 20 bytes if the link carries no more in one notification. The length
of a longer one follows from its op.
"""

from collections.abc import Mapping

START = 0xF0
#: Where a message is cut, on a link that carries no more in one notification.
CUT_BYTES = 20
#: F0, op and sum.
OVERHEAD_BYTES = 3


def seal(op: int, body: bytes) -> bytes:
    """Return a whole message. Raises ValueError unless `op` fits a byte."""
    unsealed = bytes((START, op)) + body
    return unsealed + bytes((sum(unsealed) & 0xFF,))


def is_sealed(message: bytes) -> bool:
    """Return whether the bytes are one message of any op."""
    return (
        len(message) >= OVERHEAD_BYTES
        and message[0] == START
        and message[-1] == sum(message[:-1]) & 0xFF
    )


class SumFrames:
    """The messages in the notifications of one console.

    `lengths` has the possible lengths of a whole message for each op.
    """

    def __init__(self, lengths: Mapping[int, tuple[int, ...]]) -> None:
        self._lengths = lengths
        #: The beginning of a message, or empty.
        self._held = b""
        #: The number of bytes so far that belong to no message.
        self.unusable_bytes = 0

    def feed(self, notification: bytes) -> list[bytes]:
        """Return the messages that a notification completes."""
        if self._is_whole(notification):
            # So the rest of a message that has begun was lost.
            self._drop(len(self._held))
            return [notification]
        if len(notification) >= CUT_BYTES and self._is_a_beginning(notification[:2]):
            # The rest of a message that was cut is shorter.
            self._drop(len(self._held))
        self._held += notification
        messages = []
        while self._held:
            message = self._message_in(self._held)
            if message:
                messages.append(message)
                self._held = self._held[len(message) :]
            elif self._is_a_beginning(self._held):
                break
            else:
                self._drop(1)
        return messages

    def _is_whole(self, notification: bytes) -> bool:
        """Return whether a notification is one message, of any length, that was not cut."""
        return (
            len(notification) < CUT_BYTES
            and is_sealed(notification)
            and notification[1] in self._lengths
        )

    def _message_in(self, data: bytes) -> bytes:
        """Return the message at the beginning of `data`; empty if there is none."""
        lengths = self._lengths.get(data[1], ()) if len(data) >= OVERHEAD_BYTES else ()
        for length in lengths:
            if len(data) >= length and is_sealed(data[:length]):
                return data[:length]
        return b""

    def _is_a_beginning(self, data: bytes) -> bool:
        """Return whether more bytes can complete `data`, which is not empty, to a message."""
        if data[0] != START or len(data) == 1:
            return data == bytes((START,))
        return len(data) < max(self._lengths.get(data[1], (0,)))

    def _drop(self, size: int) -> None:
        self.unusable_bytes += size
        self._held = self._held[size:]
