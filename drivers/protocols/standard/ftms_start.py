"""The start of an FTMS bike that does not stream its values by itself. Pure.

Most bikes stream as soon as their data is subscribed to. Others send nothing until they are started
(incyclist/devices #22), or only zeros (cagnulein/qdomyos-zwift #5075); and others stop sending for
good at a command that they do not support (doudar/SmartSpin2k #605, #610; cagnulein/qdomyos-zwift
#2058). From outside, a bike that waits for its start looks like one whose rider rests. Therefore:

* A bike whose pedals turn, or whose time or distance changes, runs and gets no command.
* The others are listened to first, then started, once for each connection.
* By default, only two commands are sent. "Request control" and "start or resume" are harmless to a
  rider who rests: they change neither the resistance nor what the bike has counted. "Reset" and
  "stop" do, so they are sent only to models that are known to need them, by their profile.
* The default commands are not sent to a bike whose features include no time, since such a bike has
  nothing to start (doudar/SmartSpin2k #610). The commands of a profile are known to be accepted.
* The next command waits for the answer to the one before it; the first refusal ends the start, even
  one that comes after the next command.
"""

from collections.abc import Sequence

from drivers.protocols.standard.ftms_control import (
    FEATURE_UUID,
    SUCCESS,
    decode_response,
    rules_out_start,
)

#: Request control, start or resume.
DEFAULT_START = (b"\x00", b"\x07")
#: The start begins after this time without data …
SILENT_NS = 4_000_000_000
#: … or this time of zeros: more than the first frames of a bike that its rider's pedalling woke up.
ZEROS_NS = 5_000_000_000
#: Some bikes do not answer. The next command is sent after this time.
ANSWER_NS = 1_000_000_000


class FtmsStart:
    """The commands that are still to be sent on one connection, and the time of the next one.

    `commands`: those that the model needs; None: the default ones.
    """

    def __init__(self, commands: Sequence[bytes] | None = None) -> None:
        self._to_send = [one for one in (DEFAULT_START if commands is None else commands) if one]
        self._depends_on_features = commands is None
        self._next_ns: int | None = None
        self._has_heard = False
        #: The numbers of the commands so far, the last one at the end.
        self._sent: list[int] = []

    def heard(self, at_ns: int, is_running: bool) -> None:
        """Take note that the bike has sent data, and whether it contained anything but zeros."""
        if is_running:
            self.end()
        elif not self._has_heard and not self._sent:
            self._next_ns = at_ns + ZEROS_NS
        self._has_heard = True

    def answered(self, data: bytes) -> None:
        """Take note of what the control point indicated."""
        response = decode_response(data)
        if response is None or response.command not in self._sent:
            return
        if response.result != SUCCESS:
            self.end()
        elif response.command == self._sent[-1]:
            self._next_ns = None

    def described(self, features: bytes) -> None:
        """Take note of the value of 0x2ACC."""
        if self._depends_on_features and rules_out_start(features):
            self.end()

    def end(self) -> None:
        self._to_send.clear()

    def wanted(self, now_ns: int) -> str:
        """Return the UUID of the features once, when the first command is due; else empty."""
        if self._depends_on_features and not self._sent and self._is_due(now_ns):
            return FEATURE_UUID
        return ""

    def next_command(self, now_ns: int) -> bytes:
        """Return the command to send now; empty for none."""
        if not self._is_due(now_ns):
            return b""
        command = self._to_send.pop(0)
        self._sent.append(command[0])
        self._next_ns = now_ns + ANSWER_NS
        return command

    def _is_due(self, now_ns: int) -> bool:
        if self._next_ns is None and not self._sent:
            self._next_ns = now_ns + SILENT_NS
        return bool(self._to_send) and (self._next_ns is None or now_ns >= self._next_ns)
