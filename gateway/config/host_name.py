"""Host names, as they are looked up: RFC 1123, 2.1, with the underscores that resolvers accept."""

import ipaddress
import re
import unicodedata

#: Characters that come along when a name is copied from a page: blanks, also invisible ones.
_BLANKS = " \t\r\n\v\f\u00a0\u200b\u200e\u200f\u2060\ufeff"
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE | re.ASCII)
_LONGEST_NAME, _LONGEST_LABEL = 253, 63


def without_blanks(host: str) -> str:
    """Remove blanks at both ends, and the dot of the root: no certificate contains it."""
    stripped = host.strip(_BLANKS)
    return stripped.removesuffix(".") or stripped


def host_name_problem(host: str) -> str | None:
    """Describe why this is neither a host name nor an IP address; None if it is one."""
    if host.startswith("[") and host.endswith("]") and _is_address(host[1:-1]):
        return f"expected the address without brackets: {host[1:-1]}"
    if "/" in host or host.count(":") == 1:
        return "expected a host name without scheme, port or path; set the port as cloud.port"
    if _is_address(host):
        return None
    if not host.isascii():
        return f"expected a host name in ASCII{_look_alike(host) or _as_ascii(host)}"
    return _label_problem(host)


def _label_problem(host: str) -> str | None:
    labels = host.split(".")
    if len(host) > _LONGEST_NAME or any(len(label) > _LONGEST_LABEL for label in labels):
        return (
            f"too long for a host name; expected at most {_LONGEST_NAME} characters, and at most "
            f"{_LONGEST_LABEL} between two dots"
        )
    if labels[-1].isdigit():
        return "expected a host name, or an IP address such as 192.168.1.4"
    if not all(_LABEL.fullmatch(label) for label in labels):
        return (
            "expected a host name: letters, digits and hyphens, with single dots between its parts"
        )
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_alike(host: str) -> str:
    """Name the first character that is not ASCII, a letter or a digit, as the end of a sentence.

    Return an empty text if there is none. A text processor makes other hyphens, for example. A name
    with one does not exist.
    """
    composed = unicodedata.normalize("NFC", host)
    strange = next((one for one in composed if not (one.isascii() or one.isalnum())), None)
    if strange is None:
        return ""
    name = unicodedata.name(strange, "a character without a name").lower()
    return f"; it contains U+{ord(strange):04X} ({name})"


def _as_ascii(host: str) -> str:
    """Return the form in which DNS knows an international name, as the end of a sentence."""
    try:
        return f": {host.encode('idna').decode('ascii')}"
    except UnicodeError:
        return ""
