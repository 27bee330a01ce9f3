"""Trials: the search for a message that the broker cannot take, among messages that fail. Pure."""

from collections import Counter

from gateway.buffer.send_order import Entry

#: A message must fail this often before it is put on trial.
LONE_TRIES = 3
#: The number of strikes after which a message is quarantined.
STRIKES = 3


class Trials:
    """The message on trial, and the strikes against each message.

    A message gets a strike when its witness is accepted. Strikes are only evidence as long as the
    broker is well: all are forgotten when a message fails against which nothing speaks yet, and
    the publisher does so after a connection on which nothing was accepted.
    """

    def __init__(self) -> None:
        #: The message on trial; the next one that is sent is its witness, if there is one.
        self.accused: Entry | None = None
        #: Whether the accused was sent without a witness, because no other race has messages.
        self.lacks_witness = False
        self._strikes: Counter[Entry] = Counter()

    def is_proven(self, entry: Entry) -> bool:
        """Return whether one more failure of this message is its own fault."""
        return self._strikes[entry] >= STRIKES

    def fail(self, entry: Entry) -> None:
        """Count a failure of a message that was sent alone.

        If it is a witness, the trial is over: the broker is at fault.
        """
        if entry.failures < LONE_TRIES:
            self.acquit()
        entry.failures += 1
        self.lacks_witness = entry is self.accused
        self.accused = entry if entry.failures >= LONE_TRIES else None

    def accept(self, entry: Entry) -> None:
        """Count the acceptance of a message: a strike, if it is a witness."""
        if self.accused is not None:
            self._strikes[self.accused] += 1
        del self._strikes[entry]
        self.accused, self.lacks_witness = None, False

    def acquit(self) -> None:
        """Forget all strikes: the broker is at fault."""
        self._strikes.clear()

    def forget(self, entry: Entry) -> None:
        """Forget a message that has been set aside."""
        del self._strikes[entry]
