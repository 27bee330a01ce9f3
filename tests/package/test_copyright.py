"""The copyright file, made from the wheels that are installed here, as they are in the package."""

import re
import sysconfig
from pathlib import Path

import pytest

from systemd.package.copyright import HEAD, LIBRARIES, copyright_text
from tests.package.test_wheels import pins

HOMEPAGE = "https://example.com/gateway"
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))


def wheel(directory: Path, name: str, metadata: str, *texts: tuple[str, str]) -> None:
    """Create an installed wheel with these files next to its metadata."""
    info = directory / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{metadata}")
    for file, text in texts:
        (info / file).parent.mkdir(parents=True, exist_ok=True)
        (info / file).write_text(text)
    files = [f"{info.name}/{file}" for file, _ in texts]
    own = [f"{name}/__init__.py", f"_{name}.cpython-311-x86_64-linux-gnu.so", "../../bin/run"]
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in (*files, *own)))


def paragraphs(text: str) -> dict[str, str]:
    """The paragraphs by the names of their libraries."""
    found = {}
    for part in text.split("\nFiles: ")[2:]:
        name = re.findall(r"(?m)^Comment:\n (\S+)", part)[0]
        found[name] = part
    return found


@pytest.fixture(scope="module")
def installed() -> dict[str, str]:
    return paragraphs(copyright_text(SITE_PACKAGES, HOMEPAGE))


def test_every_library_of_the_package_has_a_paragraph(installed: dict[str, str]) -> None:
    assert set(pins()) <= set(installed)
    assert "alleycat-gateway" not in installed


@pytest.mark.parametrize("library", sorted(pins()))
def test_paragraph_names_files_holders_and_licence(installed: dict[str, str], library: str) -> None:
    part = installed[library]
    assert part.startswith(f"{LIBRARIES}/")
    assert re.search(r"(?m)^Copyright: \S", part)
    assert re.search(r"(?m)^License: [A-Z]", part)
    assert re.search(r"Permission|Redistribution|common-licenses|LICENSE AGREEMENT", part)


def test_licence_that_debian_has_is_not_repeated(installed: dict[str, str]) -> None:
    text = copyright_text(SITE_PACKAGES, HOMEPAGE)
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION" not in text
    assert "/usr/share/common-licenses/Apache-2.0" in installed["awscrt"]


def test_linked_components_are_those_of_the_bill_of_materials(installed: dict[str, str]) -> None:
    assert re.search(r"(?m)^ contains openssl \d", installed["cryptography"])
    assert re.search(r"(?m)^ contains pyo3 .*MIT OR Apache-2.0$", installed["pydantic-core"])


def test_components_of_awscrt_are_named_for_its_version(installed: dict[str, str]) -> None:
    """Messages in its native code contain the paths of their sources."""
    [library] = SITE_PACKAGES.glob("_awscrt*.so")
    linked = set(re.findall(rb"/crt/([a-z0-9-]+)/", library.read_bytes()))
    assert {b"aws-lc", b"s2n"} <= linked
    assert [name for name in linked if name.decode() not in installed["awscrt"]] == []
    assert f"source distribution of awscrt {pins()['awscrt']} " in installed["awscrt"]
    assert "1998-2011 The OpenSSL Project" in installed["awscrt"].partition("\nLicense: ")[0]


def test_head_names_the_homepage_and_our_own_licence() -> None:
    assert "@HOMEPAGE@" in HEAD.read_text(encoding="utf-8")
    text = copyright_text(SITE_PACKAGES, HOMEPAGE)
    assert text.startswith("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/")
    assert f"\nSource: {HOMEPAGE}\n" in text


def test_library_without_a_licence_file_is_named_with_its_author(tmp_path: Path) -> None:
    wheel(tmp_path, "one", "Author: Ada\nLicense: Apache-2.0\n")
    part = paragraphs(copyright_text(tmp_path, HOMEPAGE))["one"]
    assert "\nCopyright: Ada\nLicense: Apache-2.0\n On Debian systems" in part


def test_files_are_named_for_every_architecture_and_without_commands(tmp_path: Path) -> None:
    wheel(tmp_path, "one", "Author: Ada\nLicense: MIT\n", ("licenses/LICENSE", "(c) 2026 Ada"))
    part = paragraphs(copyright_text(tmp_path, HOMEPAGE))["one"]
    files = part.partition("Copyright:")[0].split()
    assert [file.removeprefix(f"{LIBRARIES}/") for file in files] == [
        "_one.*.so",
        "one-1.0.dist-info/*",
        "one/*",
    ]
    assert "\nCopyright: 2026 Ada\nLicense: MIT\n (c) 2026 Ada\n" in part
