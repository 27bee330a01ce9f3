"""Environment variables that override the config file, and those that were meant to.

ALLEYCAT_CLOUD__ENDPOINT is cloud.endpoint. Case does not matter.
"""

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from gateway.config.problems import ConfigWarning, Problem

PREFIX = "ALLEYCAT_"
#: Separates a section from its key.
DELIMITER = "__"


def in_variables(
    problems: Iterable[Problem], environment: Mapping[str, str] = os.environ
) -> list[Problem]:
    """Return the problems, with the variable that overrides the key of each, if there is one."""
    names = {name.upper(): name for name in environment}
    return [
        replace(one, variable=names.get(PREFIX + one.key.replace(".", DELIMITER).upper(), ""))
        for one in problems
    ]


def unused_proxies(environment: Mapping[str, str] = os.environ) -> Iterator[ConfigWarning]:
    """Yield a warning for each variable with which other programs find their proxy."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        if environment.get(name):
            yield ConfigWarning(
                name,
                "the gateway does not use this environment variable; it connects directly",
                "set cloud.proxy if it cannot",
            )


def unknown_variables(
    keys: Collection[str], environment: Mapping[str, str] = os.environ
) -> Iterator[ConfigWarning]:
    """Yield a warning for each of our variables that belongs to none of the config's `keys`."""
    known = [key.upper() for key in keys]
    for name in sorted(one for one in environment if one.upper().startswith(PREFIX)):
        key, delimiter, rest = name.upper().removeprefix(PREFIX).partition(DELIMITER)
        if key in known:
            continue
        near = difflib.get_close_matches(key, known, n=1)
        meant = f"{PREFIX}{near[0]}{delimiter}{rest}" if near else ""
        expected = f"did you mean {meant}?" if meant else "it has no effect"
        yield ConfigWarning(
            name, f"unknown environment variable; {expected}", "correct or unset the variable"
        )
