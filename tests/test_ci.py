""".ci/run: the two heavy steps run side by side, and one that is left out is named."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"
#: Notes what it was asked for; its package-test says what pytest would.
MAKE = """\
#!/bin/sh
echo "$*" >> asked
case "$*" in
"$FAILING") echo "$* broke"; exit 1 ;;
*package-test*) printf '%s\\n' 'SKIPPED [1] tests/x.py:1: no network' '=== 9 passed in 1s ===' x ;;
esac
"""
#: Neither builds the packages again.
PACKAGE_TEST = "--old-file=deb package-test"
VM_TEST = "--old-file=deb vm-test"
SUMMARY = "SKIPPED [1] tests/x.py:1: no network\n=== 9 passed in 1s ===\n"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing in it but the script, and programs in bin that only pretend."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(RUN, tmp_path / ".ci")
    for name, text in (
        ("make", MAKE),
        ("id", "#!/bin/sh\necho ${WHO:-0}\n"),
        ("sudo", "#!/bin/false\n"),
    ):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    return tmp_path


def run(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{clone}/bin:{os.environ['PATH']}"
    return subprocess.run(
        [clone / ".ci/run"],
        env={"FAILING": "nothing", **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def asked(clone: Path) -> list[str]:
    return (clone / "asked").read_text().splitlines()


def test_package_and_virtual_machine_are_both_tested(clone: Path) -> None:
    ended = run(clone)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, SUMMARY, "")
    assert {
        "test-all",
        "browser-test",
        "test-the-tests",
        "deb",
        PACKAGE_TEST,
        "vm-image",
        VM_TEST,
    } <= set(asked(clone))


@pytest.mark.parametrize("failing", ["check", "test-all", "browser-test", PACKAGE_TEST, VM_TEST])
def test_step_that_fails_fails_the_run(clone: Path, failing: str) -> None:
    ended = run(clone, FAILING=failing)
    assert ended.returncode != 0
    assert f"{failing} broke" in ended.stdout + ended.stderr


def test_package_test_that_cannot_run_is_named(clone: Path) -> None:
    ended = run(clone, WHO="1000")
    assert ended.returncode == 0
    assert ended.stderr.startswith("NOT RUN: make package-test. It needs root")
    assert PACKAGE_TEST not in asked(clone)
    assert VM_TEST in asked(clone)


def test_package_test_without_its_tools_is_named(clone: Path) -> None:
    ended = run(clone, FAILING="mmdebstrap lintian")
    assert "NOT RUN: make package-test. Its tools could not be installed" in ended.stderr
    assert VM_TEST in asked(clone)


def test_vm_test_without_an_image_is_named(clone: Path) -> None:
    ended = run(clone, FAILING="vm-image")
    assert (ended.returncode, SUMMARY in ended.stdout) == (0, True)
    assert "NOT RUN: make vm-test. make vm-image failed" in ended.stderr


def test_both_are_left_out_and_named_if_the_steps_before_took_too_long(clone: Path) -> None:
    script = clone / ".ci/run"
    limited, limits = re.subn(r"SECONDS > \d+", "3601 > 3600", script.read_text())
    assert limits == 1
    script.write_text(limited)
    ended = run(clone)
    assert ended.returncode == 0
    assert "NOT RUN: make package-test, make vm-test. The steps before took" in ended.stderr
    assert VM_TEST not in asked(clone)
