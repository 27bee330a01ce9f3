"""Stripping native code, with a library that this computer has."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from systemd.package.native import strip_libraries


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    """With a library that has symbols."""
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
