"""A kernel's clock state as a test needs it: tests/support/adjtimex.c answers adjtimex(2)."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")

#: The kernel's limit of the maximum error, in µs, and the flag of a clock that is not synchronized.
LIMIT_US, UNSYNC = 16_000_000, 0x40
#: The return values: all is well, and a clock that is not synchronized.
TIME_OK, TIME_ERROR = 0, 5


class AdjtimexShim:
    """The answer of adjtimex(2) to processes with `environment`; at first that of a booted kernel.

    It is compiled into `workshop`. Skips the test without gcc.
    """

    def __init__(self, workshop: Path) -> None:
        gcc = shutil.which("gcc")
        if gcc is None:
            pytest.skip("gcc is not installed, and the shim is C")
        library = workshop / "adjtimex.so"
        subprocess.run([gcc, "-shared", "-fPIC", "-O1", "-o", library, SOURCE], check=True)
        self._answer = workshop / "adjtimex.answer"
        self.environment = {"LD_PRELOAD": str(library), "ADJTIMEX_ANSWER": str(self._answer)}
        self.answer(TIME_ERROR, UNSYNC, LIMIT_US)

    def answer(self, returned: int, flags: int, max_error_us: int) -> None:
        """Set the answer, from the next call on."""
        # The file is replaced whole, since the process may be reading it.
        written = self._answer.with_suffix(".new")
        written.write_text(f"{returned} {flags} {max_error_us}", encoding="ascii")
        written.rename(self._answer)
