"""The documents in the package: every link leads to a file, as in the repository."""

import gzip
import re
from pathlib import Path

import pytest

from docs.build_site import links, target
from systemd.package.documents import LICENSE, write_compressed, write_documents


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("doc") / "alleycat-gateway"
    write_documents(directory, "1.2.3", 1_795_000_000)
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


def test_licence_is_that_of_debian(documents: Path) -> None:
    assert (documents / "LICENSE").readlink() == LICENSE


def test_changelog_has_the_form_of_debian(documents: Path) -> None:
    text = gzip.decompress((documents / "changelog.gz").read_bytes()).decode()
    assert text.startswith("alleycat-gateway (1.2.3) stable; urgency=medium\n\n  * ")
    assert re.search(r"\n -- [^<]+ <[^>]+>  \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\n$", text)


def test_compressed_file_depends_on_its_text_alone(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_compressed(tmp_path / name / "file.gz", "text")
    assert (tmp_path / "one/file.gz").read_bytes() == (tmp_path / "other/file.gz").read_bytes()
    assert (tmp_path / "one/file.gz").read_bytes()[4:8] == bytes(4)
