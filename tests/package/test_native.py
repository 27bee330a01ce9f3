"""Stripping native code, with a library that this computer has."""

import csv
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from systemd.package.native import strip_libraries


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    """With a library that has symbols, and the list of files of its wheel."""
    for program in ("eu-strip", "gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed: apt install elfutils gcc")
    source = tmp_path / "one.c"
    source.write_text(
        "static int hidden(void) { return 1; }\nint shown(void) { return hidden(); }\n"
    )
    library = tmp_path / "packages/one.abi3.so"
    library.parent.mkdir()
    subprocess.run(["gcc", "-g", "-shared", "-fPIC", "-o", library, source], check=True)
    info = library.parent / "one-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text('one.abi3.so,sha256=old,1\n"a,b.py",sha256=kept,2\n')
    return library.parent


def test_library_loses_its_symbols_and_keeps_its_functions(site_packages: Path) -> None:
    before = (site_packages / "one.abi3.so").read_bytes()
    strip_libraries(site_packages)
    after = (site_packages / "one.abi3.so").read_bytes()
    assert b"hidden" in before
    assert b"hidden" not in after
    load = f"import ctypes; print(ctypes.CDLL({str(site_packages / 'one.abi3.so')!r}).shown())"
    ran = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, check=True)
    assert ran.stdout == "1\n"


def test_list_of_files_has_the_hash_of_the_stripped_library(site_packages: Path) -> None:
    strip_libraries(site_packages)
    with (site_packages / "one-1.dist-info/RECORD").open(newline="") as file:
        library, other = csv.reader(file)
    content = (site_packages / "one.abi3.so").read_bytes()
    digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
    assert library == ["one.abi3.so", f"sha256={digest}", str(len(content))]
    assert other == ["a,b.py", "sha256=kept", "2"]
