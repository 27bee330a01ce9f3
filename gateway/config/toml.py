"""Values as the TOML of a config, which no terminal and no editor misreads. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from gateway.terminal.printable import printable


def toml_value(value: object) -> str:
    """Return a driver's option, or the whole of them, as a value of TOML on one line."""
    if isinstance(value, str | PurePath):
        return _quoted(str(value))
    if isinstance(value, Mapping):
        return f"{{ {', '.join(toml_pairs(value))} }}" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else _quoted(str(value))


def toml_pairs(values: Mapping[str, object]) -> Iterator[str]:
    """Yield `key = value` for each value that there is; TOML has no null."""
    for key, value in values.items():
        if value is not None:
            is_bare = key.isascii() and key.replace("_", "").replace("-", "").isalnum()
            yield f"{key if is_bare else _quoted(key)} = {toml_value(value)}"


def _quoted(text: str) -> str:
    """Return a string of TOML. Halves of surrogate pairs, which it cannot have, become U+FFFD."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return f'"{"".join(map(_in_quotes, whole))}"'


def _in_quotes(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one not in "\n\t" and printable(one) == one:
        return one
    return f"\\u{ord(one):04x}" if ord(one) < 0x1_0000 else f"\\U{ord(one):08x}"
