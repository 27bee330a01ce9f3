"""An HTTP proxy on the way to the endpoint, and the file with its credentials."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.host_name import host_name_problem, without_blanks
from gateway.host.atomic_file import read_file

_EXPECTED = "expected http://HOST:PORT, such as http://proxy.lan:3128"
_CREDENTIALS_MAX_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that opens connections for its clients (CONNECT)."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def proxy_from_url(url: str) -> Proxy:
    """Return the proxy with this address. Raises ValueError with the expected form."""
    try:
        parts = urlsplit(without_blanks(url))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if parts.scheme == "https":
        raise ValueError(f"TLS to the proxy itself is not supported; {_EXPECTED}")
    if "@" in parts.netloc:
        raise ValueError(
            "user and password do not belong in the address; put them in the file "
            "cloud.proxy_credentials_file"
        )
    if parts.scheme != "http" or not re.fullmatch(r".+:\d{1,5}", parts.netloc):
        raise ValueError(_EXPECTED)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"nothing may follow the port; {_EXPECTED}")
    if not port or host_name_problem(host) is not None:
        raise ValueError(_EXPECTED)
    return Proxy(host, port)


def read_proxy_credentials(file: Path) -> str:
    """Return the credentials as user:password. Raises OSError, or ValueError if it has none."""
    lines = read_file(file, _CREDENTIALS_MAX_BYTES).decode("utf-8-sig").split("\n")
    credentials = lines[0].removesuffix("\r")
    if ":" not in credentials or any(line.strip() for line in lines[1:]):
        raise ValueError("expected a single line: user:password")
    return credentials


def proxy_credentials_problem(file: Path) -> str | None:
    """Describe a file that does not contain credentials, or that other users can read."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & stat.S_IRWXO:
            return (
                f"every user can access {file} (mode {mode:04o}); expected mode 0600 or 0640: "
                f"chmod 600 {file}"
            )
        read_proxy_credentials(file)
    except (OSError, ValueError) as error:
        return unusable(file, error)
    return None


def unusable(file: Path, error: OSError | ValueError) -> str:
    """Describe an error of `read_proxy_credentials` without repeating the file's content."""
    match error:
        case OSError():
            expected = "expected a readable file with one line: user:password"
            return f"{file}: {error.strerror}; {expected}"
        case UnicodeDecodeError():
            return f"{file}: not UTF-8"
        case _:
            return f"{file}: {error}"
