"""Trials: the search for a message that the broker cannot take, among messages that fail. Pure."""

from collections import Counter

from gateway.buffer.send_order import Entry

#: A message must fail this often before it is put on trial.
LONE_TRIES = 3
#: The number of strikes after which a message is quarantined.
STRIKES = 3
#: The same for a bike whose last message was quarantined.
STRIKES_OF_BAD_BIKE = 1


class Trials:
    """The message on trial, and the strikes against each message.

    A message gets a strike when its witness is accepted. Strikes are only evidence as long as the
    broker is well. All are forgotten when two messages fail without an acceptance between them, and
    nothing speaks yet against one of them; when a message that failed is accepted after all; and
    by the publisher after a connection on which nothing was accepted.
    """

    def __init__(self) -> None:
        #: The message on trial; the next one that is sent is its witness, if there is one.
        self.accused: Entry | None = None
        #: Whether the accused was sent without a witness, because there was none.
        self.lacks_witness = False
        self._strikes: Counter[Entry] = Counter()
        #: Bikes whose last message was quarantined.
        self._bad_bikes: set[bytes] = set()
        #: The messages that have failed since the last acceptance.
        self._failed: set[Entry] = set()

    @property
    def has_blamed(self) -> bool:
        """Whether anything speaks against a message or a bike."""
        return bool(self._strikes or self._bad_bikes)

    def is_blamed(self, entry: Entry) -> bool:
        """Return whether anything speaks against a message or its bike."""
        return entry in self._strikes or self._is_of_bad_bike(entry)

    def is_proven(self, entry: Entry) -> bool:
        """Return whether one more failure of this message is its own fault."""
        needed = STRIKES_OF_BAD_BIKE if self._is_of_bad_bike(entry) else STRIKES
        return self._strikes[entry] >= needed

    def fail(self, entry: Entry) -> None:
        """Count a failure of a message that was sent alone.

        If it is a witness, the trial is over: the broker is at fault.
        """
        self._failed.add(entry)
        if len(self._failed) > 1 and not all(map(self._is_known, self._failed)):
            self.acquit()
        entry.failures = max(entry.failures + 1, LONE_TRIES * self._is_of_bad_bike(entry))
        self.lacks_witness = entry is self.accused
        self.accused = entry if entry.failures >= LONE_TRIES else None

    def accept(self, entry: Entry) -> None:
        """Count the acceptance of a message: a strike, if it is a witness."""
        if entry.failures:
            self.acquit()
        if self.accused is not None and self.accused is not entry:
            self._strikes[self.accused] += 1
        del self._strikes[entry]
        self._bad_bikes.discard(entry.bike)
        self._failed.clear()
        self.accused, self.lacks_witness = None, False

    def acquit(self) -> None:
        """Forget all strikes: the broker is at fault."""
        self._strikes.clear()
        self._bad_bikes.clear()

    def convict(self, entry: Entry) -> None:
        """Forget a message that has been set aside, and remember its bike."""
        del self._strikes[entry]
        self._failed.discard(entry)
        self._bad_bikes.add(entry.bike)
        self.accused = None

    def _is_known(self, entry: Entry) -> bool:
        """Return whether a failure of this message is no news."""
        return entry.failures >= LONE_TRIES or self.is_blamed(entry)

    def _is_of_bad_bike(self, entry: Entry) -> bool:
        return bool(self._bad_bikes) and entry.bike in self._bad_bikes
