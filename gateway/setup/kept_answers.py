"""The answers of a `setup` that was left, next to the config: the next one proposes them."""

from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter

from gateway.host.atomic_file import read_file, replace_file
from gateway.setup.answers import Answers

#: Limit of the file's size, in bytes.
MAX_BYTES = 64 * 1024

_ANSWERS = TypeAdapter(Answers)


def kept_file(config: Path) -> Path:
    return config.with_name(f".{config.name}.answers")


def keep(config: Path, answers: Answers) -> bool:
    """Save the answers; return whether there are any. A full disk loses them, but nothing else."""
    if answers == Answers():
        return False
    try:
        replace_file(kept_file(config), _ANSWERS.dump_json(answers))
    except OSError:
        return False
    return True


def kept(config: Path) -> Answers:
    """Load the answers of an earlier run; none if there are none, or another version wrote them."""
    try:
        return _ANSWERS.validate_json(read_file(kept_file(config), MAX_BYTES))
    except (OSError, ValueError):
        return Answers()


def forget(config: Path) -> None:
    with suppress(OSError):
        kept_file(config).unlink()
