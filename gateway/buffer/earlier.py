"""Where an earlier development checkout left its messages.

Not in `migration`, because that imports SQLite.
"""

from pathlib import Path

#: The file in the state directory.
FILE_NAME = "buffer.db"


def has_earlier_messages(directory: Path) -> bool:
    """Return whether an earlier version has left messages that are to move into `directory`."""
    return any(place.exists() for place in places(directory))


def places(directory: Path) -> tuple[Path, Path]:
    """Return the file of the earlier version, and where its logs are built."""
    return directory.with_name(FILE_NAME), directory.with_name("buffer.new")
