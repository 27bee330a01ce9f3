"""CredentialFiles: the certificate files on disk, compared with the ones that are loaded."""

import os
from pathlib import Path

import structlog

from gateway.cloud.credentials import Credentials, read_credentials
from gateway.cloud.iot_client import build_client
from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig

log = structlog.get_logger()

#: What changes whenever a file does: device, inode, size in bytes, and time of the last change.
Stamp = tuple[int, int, int, int]


class CredentialFiles:
    """The files of one connection, which may be replaced while it is open.

    Raises CredentialsError if they cannot be read at first.
    """

    def __init__(self, cloud: CloudConfig) -> None:
        self._cloud = cloud
        #: None: the connection needs none.
        self.loaded = read_credentials(cloud)
        #: Why the files on disk, as they were at the last look, are not the loaded ones.
        self.problem: str | None = None
        #: The stamps of the files when they were last seen to be the loaded ones.
        self._stamps: tuple[Stamp | None, ...] | None = None

    def load(self) -> Credentials | None:
        """Return the credentials for a new connection: those on disk, if they can be used."""
        replacement = self.replacement()
        if replacement is not None:
            self.loaded, self.problem = replacement, None
            log.info("replaced certificate files loaded")
        return self.loaded

    def replacement(self) -> Credentials | None:
        """Look at the files; return them if they differ from the loaded ones and can be used.

        A pair that is half written or does not match changes nothing but `problem`. Files that have
        not changed are not read: a file with many CAs takes some 50 ms.
        """
        stamps = self._stamps_now()
        if stamps == self._stamps:
            return None
        self._stamps = None
        try:
            found = read_credentials(self._cloud)
            if found is None or found == self.loaded:
                self.problem, self._stamps = None, stamps
                return None
            build_client(self._cloud, "", found)
        except CredentialsError as error:
            self._note(f"the changed certificate files are not in use: {error}")
            return None
        self.problem = (
            "the certificate files were replaced; the gateway will use the new ones when it next "
            "connects; to use them at once, run: sudo systemctl reload alleycat-gateway"
        )
        return found

    def _stamps_now(self) -> tuple[Stamp | None, ...]:
        cloud = self._cloud
        files = cloud.certificate_file, cloud.private_key_file, cloud.ca_file
        return tuple(None if file is None else _stamp(file) for file in files)

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            log.error(problem)
        self.problem = problem


def _stamp(file: Path) -> Stamp | None:
    """Return the stamp of a file; None if there is none that can be looked at."""
    try:
        stat = os.stat(file)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_ctime_ns
