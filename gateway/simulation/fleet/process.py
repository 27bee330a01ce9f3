"""What this process may use of the machine, and what it has used."""

import resource
import time

from gateway.simulation.fleet.plan import FleetError

#: Files that are open besides the connections.
OTHER_FILES = 100


def allow_connections(count: int) -> None:
    """Have the kernel allow so many, or raise FleetError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + OTHER_FILES
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise FleetError(
            f"{count} connections need {needed} open files, and this machine allows {hard} "
            f"(ulimit -Hn): expected a higher limit, or fewer --connections"
        )
    if soft != resource.RLIM_INFINITY and needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Usage:
    """CPU since it was made, all threads, user and system; memory since the process began."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._cpu_s = time.process_time()

    @property
    def cores(self) -> float:
        """1.0 = one core all the time."""
        return (time.process_time() - self._cpu_s) / (time.monotonic() - self._began_s)

    @property
    def peak_mib(self) -> float:
        """The most memory that was resident at once."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
