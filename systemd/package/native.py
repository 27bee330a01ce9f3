"""The native code of the wheels, without the symbols that only a debugger uses: a quarter of it."""

import subprocess
from pathlib import Path


def strip_libraries(site_packages: Path) -> None:
    """Strip all libraries, for any architecture."""
    libraries = {one.resolve() for one in site_packages.rglob("*.so*") if one.is_file()}
    for library in sorted(libraries):
        # Of elfutils: binutils' strip only knows its own architecture.
        subprocess.run(["eu-strip", library], check=True)
