"""The gateway's certificate and private key on disk: two files that are replaced together.

    certificate.pem.crt -> identity/certificate.pem.crt
    private.pem.key     -> identity/private.pem.key
    identity            -> identity-8f3a…     the pair in use
    identity.new        -> identity-02bc…     the new pair, until it replaces the other

Renaming `identity.new` to `identity` replaces both at once. Each method returns when its change is
on disk, so that a killed run can be resumed where it ended.
"""

import grp
import os
import shutil
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from secrets import token_hex

from gateway.host.atomic_file import Permissions, replace_file, sync_directory
from gateway.provisioning.keys import is_pair

CERTIFICATE = "certificate.pem.crt"
PRIVATE_KEY = "private.pem.key"
#: The file with the state of a request that is under way.
REQUEST = "request.json"

#: If this group exists, it may read the key: the daemon does not run as root.
GROUP = "alleycat-gateway"


class IdentityFiles:
    """The certificate and key in `directory`, which must exist. Blocking; raises OSError."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self.certificate = self._directory / CERTIFICATE
        self.private_key = self._directory / PRIVATE_KEY
        self._current = self._directory / "identity"
        self._new = self._directory / "identity.new"

    @property
    def is_there(self) -> bool:
        """Whether a certificate or a key exists, which must not be overwritten unasked."""
        return self.certificate.exists() or self.private_key.exists()

    @property
    def is_pair(self) -> bool:
        return is_pair(self.certificate, self.private_key)

    @property
    def new_certificate(self) -> Path:
        return self._new / CERTIFICATE

    @property
    def new_private_key(self) -> Path:
        return self._new / PRIVATE_KEY

    def begin(self) -> None:
        """Begin a new pair. Remove an unfinished one, and pairs that are not in use."""
        self._remove(self._new)
        self._clean()
        self._link(self._new, self._make_directory().name)

    def load(self, name: str) -> bytes | None:
        """Load a file of the new pair; None if it is not saved yet."""
        try:
            return (self._new / name).read_bytes()
        except FileNotFoundError:
            return None

    def save(self, name: str, content: bytes) -> None:
        """Save a file of the new pair."""
        self._write(self._new.resolve() / name, content)

    def forget(self, name: str) -> None:
        """Delete a file of the new pair."""
        self._remove(self._new / name)

    def install(self) -> None:
        """Replace the current pair by the new one, which is invisible until then.

        A process that reads both files finds a matching pair at any time, if they matched before.
        """
        if not all(self._is_linked(file) for file in (self.certificate, self.private_key)):
            self._adopt()
        self._new.replace(self._current)
        sync_directory(self._directory)
        self._clean()

    def _is_linked(self, file: Path) -> bool:
        return file.is_symlink() and file.readlink() == Path(self._current.name, file.name)

    def _adopt(self) -> None:
        """Turn certificate and key into links; their content stays readable at every moment."""
        there = [file for file in (self.certificate, self.private_key) if file.exists()]
        if there:
            directory = self._make_directory()
            for file in there:
                self._write(directory / file.name, file.read_bytes())
            self._link(self._current, directory.name)
        for file in (self.certificate, self.private_key):
            self._link(file, f"{self._current.name}/{file.name}")

    def _clean(self) -> None:
        """Remove pairs that are not in use, and the state of the request that is complete."""
        used = {link.resolve() for link in (self._current, self._new) if link.is_symlink()}
        for directory in self._directory.glob("identity-*"):
            if directory not in used:
                shutil.rmtree(directory)
        self._remove(self._current / REQUEST)

    def _make_directory(self) -> Path:
        directory = self._directory / f"identity-{token_hex(4)}"
        directory.mkdir(mode=0o700)
        if self._group is not None:
            os.chown(directory, -1, self._group)
            directory.chmod(0o750)
        sync_directory(self._directory)
        return directory

    def _write(self, path: Path, content: bytes) -> None:
        """Replace the file, readable by its owner and, if it exists, by the group."""
        if self._group is None or path.name == REQUEST:
            replace_file(path, content)
        else:
            replace_file(path, content, Permissions(0o640, gid=self._group))

    def _link(self, link: Path, target: str) -> None:
        draft = link.with_name(f"{link.name}.draft")
        draft.unlink(missing_ok=True)
        draft.symlink_to(target)
        draft.replace(link)
        sync_directory(link.parent)

    def _remove(self, file: Path) -> None:
        with suppress(FileNotFoundError):
            file.unlink()
            sync_directory(file.parent)

    @cached_property
    def _group(self) -> int | None:
        """The id of the group, if it exists and this process may give files to it."""
        try:
            return grp.getgrnam(GROUP).gr_gid if os.geteuid() == 0 else None
        except KeyError:
            return None
