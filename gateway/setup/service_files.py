"""PEM files that the service can read: it runs as its own user, in a sandbox."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.host.atomic_file import Permissions, replace_file
from gateway.host.errors import GatewayError
from gateway.setup.answers import FILES

#: Readable and writable by root, readable by the service's group.
MODE = 0o640
#: Places that the service's sandbox hides, or that are empty when the USB stick is gone.
HIDDEN = tuple(map("/{}".format, ("home", "root", "tmp", "var/tmp", "media", "mnt", "run")))


class NameTaken(GatewayError):
    """The copy of a file would overwrite a different one. The text names both, and what to do."""


@dataclass(frozen=True, slots=True)
class ServiceFiles:
    """The PEM files of the service: `directory` is that of its config, `group` its group's id.

    For root. `hidden`: places that the service cannot see.
    """

    directory: Path
    group: int
    hidden: tuple[str, ...] = HIDDEN

    def made_readable(self, file: Path, *, is_secret: bool) -> Path:
        """Give the group access to the file, or to a copy of it in `directory`; return which.

        No other user may access a secret file. Raises OSError, and NameTaken if a different file
        already has the copy's name.
        """
        if not self._is_reachable(file):
            return self._copied(file)
        found = file.stat()
        for_group, for_all = found.st_mode & stat.S_IRGRP, found.st_mode & stat.S_IRWXO
        is_readable = (found.st_gid == self.group and for_group) or found.st_mode & stat.S_IROTH
        if not is_readable or (is_secret and for_all):
            os.chown(file, -1, self.group)
            file.chmod((stat.S_IMODE(found.st_mode) | stat.S_IRGRP) & ~stat.S_IRWXO)
        return file

    def _is_reachable(self, file: Path) -> bool:
        real = file.resolve()
        if any(real.is_relative_to(place) for place in self.hidden):
            return False
        return all(self._can_enter(one) for path in (file, real) for one in path.parents)

    def _can_enter(self, directory: Path) -> bool:
        found = directory.stat()
        needed = stat.S_IXGRP if found.st_gid == self.group else stat.S_IXOTH
        return bool(found.st_mode & needed)

    def _copied(self, file: Path) -> Path:
        copy = self.directory / file.name
        content = file.read_bytes()
        if copy.exists() and copy.read_bytes() != content:
            raise NameTaken(
                f"cannot copy {file} to {copy}: a different file already has this name; rename "
                "your file, and run setup again"
            )
        replace_file(copy, content, Permissions(MODE, gid=self.group))
        return copy


def readable_by_service(cloud: dict[str, object], files: ServiceFiles) -> Iterator[str]:
    """Make the files of the cloud table readable; yield a sentence on each change."""
    for key in FILES:
        if not cloud.get(key):
            continue
        file = Path(str(cloud[key]))
        before = file.stat()
        readable = files.made_readable(file, is_secret=key == "private_key_file")
        cloud[key] = str(readable)
        after = file.stat()
        if readable != file:
            yield f"copied {file} to {readable}, where the service can read it"
        elif (before.st_mode, before.st_gid) != (after.st_mode, after.st_gid):
            yield f"the service can read {file} now (mode {stat.S_IMODE(after.st_mode):04o})"
