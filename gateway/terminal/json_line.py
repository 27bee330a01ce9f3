"""JSON that one process of the gateway sends to another, one object per line. Pure."""

import json


def json_line(value: object) -> bytes:
    """Return a value of JSON's types as a line, in which "?" replaces what is not Unicode.

    Paths and texts of plugins may contain it: Python reads a byte that is not UTF-8 as half of a
    surrogate pair, which no encoder accepts.
    """
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return line.encode(errors="replace") + b"\n"
