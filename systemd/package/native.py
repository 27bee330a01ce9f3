"""The native code of the wheels, without the symbols that only a debugger uses: a quarter of it."""

import csv
import subprocess
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path


def strip_libraries(site_packages: Path) -> None:
    """Strip all libraries, for any architecture, and correct the wheels' lists of their files."""
    libraries = {one.resolve() for one in site_packages.rglob("*.so*") if one.is_file()}
    for library in sorted(libraries):
        # Of elfutils: binutils' strip only knows its own architecture.
        subprocess.run(["eu-strip", library], check=True)
    for record in site_packages.glob("*.dist-info/RECORD"):
        _correct(record, site_packages, libraries)


def _correct(record: Path, site_packages: Path, libraries: set[Path]) -> None:
    """Write the hash and the size of each stripped library into RECORD, a CSV file."""
    with record.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    for row in rows:
        path = (site_packages / row[0]).resolve()
        if path in libraries:
            content = path.read_bytes()
            digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
            row[1:] = [f"sha256={digest}", str(len(content))]
    with record.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
