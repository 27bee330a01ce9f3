"""The answers of a `setup` that was left, next to the config: the next one proposes them."""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from gateway.config.editor import Machine
from gateway.host.atomic_file import replace_file
from gateway.setup.answers import Answers


def kept_file(config: Path) -> Path:
    return config.with_name(f".{config.name}.answers")


def keep(config: Path, answers: Answers) -> bool:
    """Save the answers; return whether there are any. A full disk loses them, but nothing else."""
    if answers == Answers():
        return False
    try:
        replace_file(kept_file(config), json.dumps(asdict(answers), default=str).encode())
    except OSError:
        return False
    return True


def kept(config: Path) -> Answers:
    """Load the answers of an earlier run; none if there are none, or another version wrote them."""
    try:
        data = json.loads(kept_file(config).read_bytes())
        machine = data["machine"]
        paths = {key: data[key] and Path(data[key]) for key in ("claim", "state_dir")}
        return Answers(**{**data, **paths, "machine": machine and Machine(**machine)})
    except (OSError, ValueError, TypeError, KeyError):
        return Answers()


def forget(config: Path) -> None:
    with suppress(OSError):
        kept_file(config).unlink()
