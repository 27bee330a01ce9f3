""".ci/run: a step that fails fails the run, and one that is left out is named."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / ".ci" / "run"
#: Notes what it was asked for.
MAKE = """\
#!/bin/sh
echo "$*" >> asked
case "$*" in
"$FAILING") echo "$1 broke"; exit 1 ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing in it but the script, and programs in bin that only pretend."""
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(RUN, tmp_path / ".ci")
    (tmp_path / "bin/make").write_text(MAKE)
    (tmp_path / "bin/make").chmod(0o755)
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


def test_all_steps_are_run(clone: Path) -> None:
    ended = run(clone)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert {"test-all", "test-the-tests", "vm-image", "vm-test"} <= set(asked(clone))


@pytest.mark.parametrize("failing", ["check", "test-all", "vm-test"])
def test_step_that_fails_fails_the_run(clone: Path, failing: str) -> None:
    ended = run(clone, FAILING=failing)
    assert ended.returncode != 0
    assert f"{failing} broke" in ended.stdout + ended.stderr


def test_vm_test_without_an_image_is_named(clone: Path) -> None:
    ended = run(clone, FAILING="vm-image")
    assert ended.returncode == 0
    assert "NOT RUN: make vm-test. make vm-image failed" in ended.stderr


def test_vm_test_is_left_out_and_named_if_the_steps_before_took_too_long(clone: Path) -> None:
    script = clone / ".ci/run"
    script.write_text(script.read_text().replace("SECONDS > 3600", "3601 > 3600"))
    ended = run(clone)
    assert ended.returncode == 0
    assert "NOT RUN: make vm-test. The steps before it took" in ended.stderr
    assert "vm-test" not in asked(clone)
