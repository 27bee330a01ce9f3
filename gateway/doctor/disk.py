"""The check that the state directory is on a permanent disk with enough room."""

import os
from pathlib import Path

from gateway.buffer.inspect import BufferView, BufferViewError
from gateway.buffer.log_format import DIRECTORY_NAME
from gateway.config.schema import Config
from gateway.host.state_dir import MOUNTS, volatile_file_system
from gateway.status.snapshot import hours_of_racing
from gateway.terminal.finding import Finding, failed, ok, warning
from gateway.terminal.units import counted, duration

NAME = "disk"
#: Hours of buffering below which the room is worth a warning: about an evening's outage.
FEW_HOURS = 4

_REAL_DISK = (
    "set state_dir to a directory on a real disk; with raspi-config's overlay file system, use a "
    "separate partition"
)


def check_disk(config: Config, mounts: Path = MOUNTS) -> list[Finding]:
    """Check the directory, its free space and the buffer's counts, not the buffer's pages."""
    directory = config.state_dir
    problem = _directory_problem(directory)
    if problem is not None:
        return [problem]
    kind = volatile_file_system(_existing(directory), mounts)
    if kind is not None:
        what = f"{directory} is on {kind}: buffered messages are lost when the power fails"
        return [failed(NAME, what, _REAL_DISK)]
    return [_room(config), *_buffer(directory / DIRECTORY_NAME)]


def _directory_problem(directory: Path) -> Finding | None:
    if os.path.exists(directory) and not os.path.isdir(directory):
        remedy = "move the file away, or set state_dir to another path"
        return failed(NAME, f"{directory} is a file, not a directory", remedy)
    place = _existing(directory)
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        what = f"{place} is on a read-only file system: messages are buffered in memory only"
        place = place.resolve()
        root = next(one for one in (place, *place.parents) if os.path.ismount(one))
        remedy = (
            "run `dmesg` to see whether the disk has failed; if it has not, remount it: "
            f"sudo mount -o remount,rw {root}"
        )
        return failed(NAME, what, remedy)
    if os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return None
    if place == directory:
        owner = "alleycat-gateway:" if directory.is_relative_to("/var/lib") else "USER:"
        return failed(
            NAME, f"no permission to write to {directory}", f"sudo chown -R {owner} {directory}"
        )
    return failed(
        NAME,
        f"{directory} does not exist, and there is no permission to create it in {place}",
        "start the service, which creates it: sudo systemctl start alleycat-gateway; or create it: "
        f"sudo install -d -m 0700 -o USER {directory}",
    )


def _existing(directory: Path) -> Path:
    """Return the directory, or its nearest parent that exists."""
    return next(place for place in (directory, *directory.parents) if os.path.isdir(place))


def _room(config: Config) -> Finding:
    disk = os.statvfs(_existing(config.state_dir))
    free_bytes = disk.f_bavail * disk.f_frsize
    bound_bytes = config.buffer.max_size_mib * 1024 * 1024
    hours = hours_of_racing(min(free_bytes, bound_bytes), len(config.bikes))
    what = f"{config.state_dir}: room for {duration(hours * 3600)} of racing without a network"
    if hours >= FEW_HOURS:
        return ok(NAME, what)
    remedy = "free some space; `df -h` shows how full the disk is"
    if bound_bytes < free_bytes:
        remedy = "raise buffer.max_size_mib"
    return warning(NAME, what, remedy)


def _buffer(directory: Path) -> list[Finding]:
    if not directory.exists():
        return []
    try:
        waiting, quarantined = BufferView(directory).counts()
    except BufferViewError as error:
        return [failed("buffer", str(error))]
    findings = [ok("buffer", f"{counted(waiting, 'message')} waiting to be sent")]
    if quarantined:
        findings.append(
            warning(
                "buffer",
                f"{counted(quarantined, 'message')} in quarantine, no longer sent",
                "for the reasons, run: alleycat-gateway buffer quarantine",
            )
        )
    return findings
