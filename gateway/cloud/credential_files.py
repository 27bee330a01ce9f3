"""CredentialFiles: the certificate files on disk, compared with the ones that are loaded."""

import structlog

from gateway.cloud.credentials import Credentials, read_credentials
from gateway.cloud.iot_client import build_client
from gateway.cloud.uplink import CredentialsError
from gateway.config.cloud import CloudConfig

log = structlog.get_logger()


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

    def load(self) -> Credentials | None:
        """Return the credentials for a new connection: those on disk, if they can be used."""
        replacement = self.replacement()
        if replacement is not None:
            self.loaded, self.problem = replacement, None
            log.info("replaced certificate files loaded")
        return self.loaded

    def replacement(self) -> Credentials | None:
        """Look at the files; return them if they differ from the loaded ones and can be used.

        A pair that is half written or does not match changes nothing but `problem`.
        """
        try:
            found = read_credentials(self._cloud)
            if found is None or found == self.loaded:
                self.problem = None
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

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            log.error(problem)
        self.problem = problem
