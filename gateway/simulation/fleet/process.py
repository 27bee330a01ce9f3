"""The limits and the resource usage of this process."""

import resource
import time

from gateway.simulation.fleet.plan import FleetError

#: Open files in addition to the connections.
OTHER_FILES = 100


def allow_connections(count: int) -> None:
    """Raise the limit of open files to fit `count` connections, or raise FleetError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + OTHER_FILES
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise FleetError(
            f"{count} connections need {needed} open files, but this computer allows only {hard} "
            f"(ulimit -Hn): raise that limit, or use fewer --connections"
        )
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Usage:
    """CPU use since this object was created, and peak memory of the process.

    CPU covers all threads, user and system time.
    """

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._cpu_s = time.process_time()

    @property
    def cores(self) -> float:
        """The average number of cores in use; 1.0 = one core all the time."""
        return (time.process_time() - self._cpu_s) / (time.monotonic() - self._began_s)

    @property
    def peak_mib(self) -> float:
        """The peak resident memory in MiB."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
