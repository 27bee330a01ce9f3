"""The documents of the package: all pages, with the files that they link to, and a changelog."""

import gzip
import re
import shutil
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

from docs.build_site import ROOT, linked_files, pages

#: Debian has the text of the licence in one place for all packages; nfpm.yaml links to it.
LICENSE = ROOT / "LICENSE"

#: An entry of deb-changelog(5).
ENTRY = """\
alleycat-gateway ({version}) {suite}; urgency=medium

{changes}

 -- {maintainer}  {date}
"""
_RELEASE = re.compile(r"(?m)^## \[([\d.]+|Unreleased)\](?: - ([\d-]+))?.*$")
_LINK = re.compile(r"^\[.+\]: ")


def write_documents(directory: Path, changelog: str) -> None:
    """Write the documents below `directory`, under the paths that they have in the repository."""
    for file in {*pages(), *linked_files()} - {LICENSE}:
        copy = directory / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    write_compressed(directory / "changelog.gz", changelog)


def debian_changelog(text: str, version: str, maintainer: str, epoch: int) -> str:
    """Return CHANGELOG.md, whose text this is, in the form of deb-changelog(5).

    Changes that are not released yet are listed under `version`, at the time `epoch`.
    """
    _, *parts = _RELEASE.split(text)
    entries = []
    for name, day, section in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if changes := "\n".join(_changes(section)).strip("\n"):
            date = datetime.fromisoformat(day) if day else datetime.fromtimestamp(epoch, UTC)
            entry = ENTRY.format(
                version=version if name == "Unreleased" else name,
                suite="stable" if day else "UNRELEASED",
                changes=changes,
                maintainer=maintainer,
                date=format_datetime(date.replace(tzinfo=UTC)),
            )
            entries.append(entry)
    return "\n".join(entries)


def _changes(section: str) -> Iterator[str]:
    """Yield the lines of a release, which Debian wants short."""
    for block in re.split(r"\n(?=\* )|\n\n", section.strip("\n")):
        if block.startswith("### "):
            yield f"\n  [ {block.removeprefix('### ')} ]"
        elif not _LINK.match(block):
            paragraph = " ".join(block.split())
            yield textwrap.fill(paragraph, 80, initial_indent="  ", subsequent_indent="    ")


def write_compressed(file: Path, text: str) -> None:
    """Write text as gzip, without a time, so that the same text always gives the same file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
