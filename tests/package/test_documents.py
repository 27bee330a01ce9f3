"""The documents in the package: every link leads to a file, as in the repository."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.build_site import links, target
from systemd.package.documents import (
    LICENSE,
    debian_changelog,
    write_compressed,
    write_documents,
)
from tests.package.debian import ROOT


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("doc") / "alleycat-gateway"
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    changelog = debian_changelog(text, "1.2.3", "Ada <ada@example.com>", 1_795_000_000)
    write_documents(directory, changelog)
    return directory


def test_links_of_each_page_lead_to_files(documents: Path) -> None:
    names = {page.name for page in documents.rglob("*.md")}
    assert {"README.md", "SUPPORTED_BIKES.md"} <= names
    assert dead_links(documents) == []


def dead_links(directory: Path) -> list[str]:
    """Return each link of the pages below `directory` that leads to no file."""
    return [
        f"{page.relative_to(directory)}: {link}"
        for page in directory.rglob("*.md")
        for link in links(page)
        if (file := target(page, link)) is not None
        and not file.is_file()
        and file.name != LICENSE.name
    ]


def test_licence_is_not_copied(documents: Path) -> None:
    """It is a link to Debian's copy, which nfpm.yaml makes."""
    assert not (documents / "LICENSE").exists()


CHANGES = """\
# Changelog

This file lists changes.

## [Unreleased]

### Added

* A bike, whose
  name is too long for a single line of the changelog in the form that Debian gives it.

## [1.2.0] - 2026-10-01

### Removed

* Nothing.

[1.2.0]: https://example.com
"""


def test_changelog_of_debian_lists_each_release() -> None:
    assert (
        debian_changelog(CHANGES, "1.2.3", "Ada <ada@example.com>", 1_795_000_000)
        == """\
alleycat-gateway (1.2.3) UNRELEASED; urgency=medium

  [ Added ]
  * A bike, whose name is too long for a single line of the changelog in the
    form that Debian gives it.

 -- Ada <ada@example.com>  Wed, 18 Nov 2026 11:06:40 +0000

alleycat-gateway (1.2.0) stable; urgency=medium

  [ Removed ]
  * Nothing.

 -- Ada <ada@example.com>  Thu, 01 Oct 2026 00:00:00 +0000
"""
    )


def test_changelog_leaves_out_what_is_empty() -> None:
    empty = re.sub(r"(?s)### Added.*?(?=## )", "", CHANGES, count=1)
    assert debian_changelog(empty, "1.2.0", "Ada <ada@example.com>", 0).startswith(
        "alleycat-gateway (1.2.0) stable"
    )


def test_changelog_of_the_project_is_read_by_dpkg(documents: Path) -> None:
    program = shutil.which("dpkg-parsechangelog")
    if program is None:
        pytest.skip("dpkg-parsechangelog is not installed: apt install dpkg-dev")
    text = gzip.decompress((documents / "changelog.gz").read_bytes())
    (documents / "changelog").write_bytes(text)
    read = subprocess.run(
        [program, "--file", documents / "changelog"], capture_output=True, text=True, check=True
    )
    assert read.stderr == ""
    assert "Version: 1.2.3" in read.stdout


def test_compressed_file_depends_on_its_text_alone(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_compressed(tmp_path / name / "file.gz", "text")
    assert (tmp_path / "one/file.gz").read_bytes() == (tmp_path / "other/file.gz").read_bytes()
    assert (tmp_path / "one/file.gz").read_bytes()[4:8] == bytes(4)
