"""The token that opens the pages from outside: kept in a file, shown by `alleycat-gateway web`."""

import errno
import hashlib
import hmac
import secrets
from pathlib import Path

from gateway.host.atomic_file import read_file, replace_file
from gateway.host.state_dir import as_owner_of

FILE_NAME = "web-token"
#: Random bytes of a token: it cannot be guessed, so attempts need not be counted.
TOKEN_BYTES = 20
FILE_MAX_BYTES = 1024


class TokenFile:
    """The file of the token, which only its owner may read. A new token is in effect at once."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / FILE_NAME
        self._seen: tuple[int, int] | None = None
        self._token = ""

    def create(self) -> str:
        """Return the token; make one if there is none. Raises OSError."""
        return self.token() or self.rotate()

    def rotate(self) -> str:
        """Replace the token, so that the old link and all browsers are locked out. Raises OSError.

        This blocks until it is on disk.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with as_owner_of(self.path.parent):
            replace_file(self.path, token.encode("ascii") + b"\n")
        return token

    def token(self) -> str:
        """Return the token; empty if there is none. Raises OSError if it cannot be read.

        The file is only read again after it was replaced.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._token = None, ""
            return ""
        state = found.st_ino, found.st_mtime_ns
        if state != self._seen:
            content = self._content()
            self._seen, self._token = state, content.decode("ascii", errors="replace").strip()
        return self._token

    def token_or_nothing(self) -> str:
        """Return the token; empty if there is none, or if it cannot be read."""
        try:
            return self.token()
        except OSError:
            return ""

    def _content(self) -> bytes:
        try:
            return read_file(self.path, FILE_MAX_BYTES)
        except ValueError as error:
            raise OSError(errno.EINVAL, str(error), str(self.path)) from error


def is_token(given: str, token: str) -> bool:
    """Return whether `given` is the token, in a time that does not depend on how much is right."""
    asked = given.encode(errors="replace")  # a header may contain any bytes
    return bool(token) and hmac.compare_digest(asked, token.encode())


def cookie_of(token: str) -> str:
    """Return what a browser keeps: it proves the token, which cannot be computed from it."""
    return hmac.new(token.encode(), b"alleycat-gateway page", hashlib.sha256).hexdigest()
