"""What `make deb` has built, for both architectures, without installing it."""

import gzip
import re
import shutil
import subprocess
from email.parser import HeaderParser
from filecmp import cmp
from pathlib import Path

import pytest

from docs.build_site import pages
from systemd.package.build import ARCHITECTURES, PYTHONS, package_facts
from systemd.package.completion import completion
from systemd.package.manual import manual
from tests.package.conftest import built
from tests.package.debian import ROOT
from tests.package.test_wheels import pins

HOME = "usr/lib/alleycat-gateway"
#: e_machine in elf(5).
ELF_MACHINE = {"amd64": 62, "arm64": 183}
#: The shared libraries of the packages libc6, libgcc-s1 and libstdc++6.
DEPENDED_ON = re.compile(
    r"(lib(c|m|dl|rt|pthread|util|gcc_s|stdc\+\+)|ld-linux-(x86-64|aarch64))\.so\.\d"
)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    if not request.config.getoption("--in-debian", default=False):
        pytest.skip("of a package just built: make package-test")
    return str(request.param)


@pytest.fixture(scope="module")
def unpacked(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("unpacked") / architecture
    package = built(architecture)
    subprocess.run(["dpkg-deb", "--raw-extract", package, directory], check=True)
    return directory


def site_packages(unpacked: Path, python: str) -> Path:
    return unpacked / HOME / f"lib/python{python}/site-packages"


@pytest.mark.parametrize("python", PYTHONS)
def test_native_code_is_for_this_architecture_and_python(
    unpacked: Path, architecture: str, python: str
) -> None:
    libraries = sorted(site_packages(unpacked, python).rglob("*.so*"))
    names = {library.relative_to(site_packages(unpacked, python)).parts[0] for library in libraries}
    assert {"_awscrt.abi3.so", "pydantic_core", "dbus_fast"} <= names
    tag = f".cpython-{python.replace('.', '')}-{ARCHITECTURES[architecture]}-linux-gnu.so"
    for library in libraries:
        assert library.name.endswith((tag, ".abi3.so")), library
        header = library.read_bytes()[:20]
        assert header[:4] == b"\x7fELF"
        assert int.from_bytes(header[18:], "little") == ELF_MACHINE[architecture], library


@pytest.mark.parametrize("python", PYTHONS)
def test_every_wheel_is_for_this_architecture_and_python(
    unpacked: Path, architecture: str, python: str
) -> None:
    minor = int(python.removeprefix("3."))
    for file in site_packages(unpacked, python).glob("*.dist-info/WHEEL"):
        for tag in re.findall(r"(?m)^Tag: (.*)$", file.read_text()):
            interpreter, abi, platform = tag.split("-")
            if interpreter.startswith("cp"):
                built_for = int(interpreter.removeprefix("cp3"))
                assert built_for == minor or (abi == "abi3" and built_for <= minor), file
            assert platform == "any" or platform.endswith(ARCHITECTURES[architecture]), file


@pytest.mark.parametrize("python", PYTHONS)
def test_package_holds_the_gateway_and_its_pins_and_nothing_else(
    unpacked: Path, python: str
) -> None:
    metadata = site_packages(unpacked, python).glob("*.dist-info/METADATA")
    found = [HeaderParser().parsestr(file.read_text(errors="replace")) for file in metadata]
    versions = {one["Name"].lower().replace("_", "-"): one["Version"] for one in found}
    control = HeaderParser().parsestr((unpacked / "DEBIAN/control").read_text())
    assert versions.pop("alleycat-gateway") == control["Version"]
    assert versions == pins()


def test_package_has_no_trace_of_where_it_was_built(unpacked: Path) -> None:
    files = [path for path in unpacked.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in files if path.suffix in (".pyc", ".lock")] == []
    assert [path for path in files if path.name == "direct_url.json"] == []
    texts = [path for path in files if path.suffix in (".py", ".toml", ".cfg", "", ".conf")]
    assert [path for path in texts if str(ROOT).encode() in path.read_bytes()] == []


def test_dpkg_never_asks_about_the_config(unpacked: Path) -> None:
    assert not (unpacked / "DEBIAN/conffiles").exists()
    assert not (unpacked / "etc").exists()
    assert not (unpacked / "var").exists()


def test_package_has_the_manual_page_and_the_completions(unpacked: Path) -> None:
    share = unpacked / "usr/share"
    page = gzip.decompress((share / "man/man1/alleycat-gateway.1.gz").read_bytes()).decode()
    version = HeaderParser().parsestr((unpacked / "DEBIAN/control").read_text())["Version"]
    assert page == manual(version, re.findall(r"\d{4}-\d\d-\d\d", page)[0])
    bash = share / "bash-completion/completions/alleycat-gateway"
    assert bash.read_text(encoding="utf-8") == completion()
    zsh = share / "zsh/vendor-completions/_alleycat-gateway"
    assert zsh.read_text(encoding="utf-8").startswith("#compdef alleycat-gateway\n")
    assert (share / "fish/vendor_completions.d/alleycat-gateway.fish").is_file()


def test_package_has_every_page_and_a_changelog_and_a_copyright(unpacked: Path) -> None:
    documents = unpacked / "usr/share/doc/alleycat-gateway"
    assert {page.relative_to(ROOT) for page in pages()} == {
        page.relative_to(documents) for page in documents.rglob("*.md")
    }
    assert (documents / "changelog.gz").is_file()
    assert "/usr/share/common-licenses/Apache-2.0" in (documents / "copyright").read_text()


def test_copyright_names_every_library_in_the_package(unpacked: Path) -> None:
    text = (unpacked / "usr/share/doc/alleycat-gateway/copyright").read_text()
    assert set(re.findall(r"(?m)^Comment:\n (\S+) \d", text)) == set(pins())


def test_maintainer_and_homepage_are_those_of_the_project(unpacked: Path) -> None:
    control = HeaderParser().parsestr((unpacked / "DEBIAN/control").read_text())
    facts = package_facts()
    assert (control["Maintainer"], control["Homepage"]) == (facts["MAINTAINER"], facts["HOMEPAGE"])


def test_native_code_needs_no_library_that_the_package_does_not_depend_on(unpacked: Path) -> None:
    """Of libc6, it needs no newer version."""
    control = HeaderParser().parsestr((unpacked / "DEBIAN/control").read_text())
    [promised] = re.findall(r"libc6 \(>= 2\.(\d+)\), libgcc-s1\b", control["Depends"])
    for library in (unpacked / HOME).rglob("*.so*"):
        read = subprocess.run(
            ["readelf", "--dynamic", "--version-info", "--wide", library],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        needed = re.findall(r"\(NEEDED\) .*\[(.*)\]", read)
        assert [name for name in needed if not DEPENDED_ON.fullmatch(name)] == [], library
        assert max(map(int, re.findall(r"GLIBC_2\.(\d+)", read)), default=0) <= int(promised)


def test_lintian_has_nothing_to_say_that_has_no_written_reason(architecture: str) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed: apt install lintian")
    read = subprocess.run(
        ["lintian", "--allow-root", "--tag-display-limit", "0", built(architecture)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in read.stdout.splitlines() if line[:2] in ("E:", "W:")] == []


def test_each_exception_from_lintian_has_its_reason() -> None:
    """A comment above it."""
    blocks = (ROOT / "systemd/package/lintian-overrides").read_text().strip().split("\n\n")
    assert [block for block in blocks if not block.startswith("# ")] == []


def test_package_scripts_fetch_nothing(unpacked: Path) -> None:
    for script in ("postinst", "prerm", "postrm"):
        text = (unpacked / "DEBIAN" / script).read_text()
        assert not re.search(r"\b(pip|curl|wget|apt|apt-get|git)\b", text), script
        subprocess.run(["sh", "-n"], input=text, text=True, check=True)


def test_links_have_the_mode_of_links(architecture: str) -> None:
    listed = subprocess.run(
        ["dpkg-deb", "--contents", built(architecture)], capture_output=True, text=True, check=True
    ).stdout
    links = {line.split()[-3]: line for line in listed.splitlines() if " -> " in line}
    assert links.keys() == {
        "./usr/bin/alleycat-gateway",
        f"./{HOME}/bin/python3",
        "./usr/share/doc/alleycat-gateway/LICENSE",
    }
    assert {line[:10] for line in links.values()} == {"lrwxrwxrwx"}


def test_packages_built_in_another_folder_are_the_same_to_the_byte(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if not request.config.getoption("--in-debian", default=False):
        pytest.skip("takes minutes: make package-test")
    other = tmp_path / "other"
    no_sources = shutil.ignore_patterns(".venv*", "build", "dist", "__pycache__")
    shutil.copytree(ROOT, other, ignore=no_sources)
    subprocess.run(["make", "--silent", "deb"], cwd=other, check=True)
    for package in map(built, ARCHITECTURES):
        assert cmp(package, other / "dist" / package.name, shallow=False), package.name
