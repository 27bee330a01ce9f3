"""The wheels' lists of their files (RECORD), as the package contains them."""

import csv
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path


def correct_records(site_packages: Path) -> None:
    """Make each list agree with the files: what was deleted is left out, what was changed hashed.

    Else the lists would depend on who builds the package: the commands that are left out begin
    with the path of the Python that installed them.
    """
    for record in site_packages.glob("*.dist-info/RECORD"):
        with record.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        kept = [_corrected(row, site_packages / row[0]) for row in rows]
        with record.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(row for row in kept if row)


def _corrected(row: list[str], path: Path) -> list[str]:
    """Return a row with the hash and the size of its file; empty if there is none."""
    if not path.is_file():
        return []
    if not row[1]:  # as RECORD's own
        return row
    content = path.read_bytes()
    digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
    return [row[0], f"sha256={digest}", str(len(content))]
