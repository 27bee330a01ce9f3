"""The Makefile notices a `.venv` that does not work here, and installs no more than is needed."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKES_VENV = "-m venv .venv"
#: Without what `make test` itself passes on: a make within make prints other lines.
OUTSIDE_MAKE = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith("MAKE") and name != "MFLAGS"
}


def planned(folder: Path, target: str) -> str:
    """Return the commands that make would run for a target."""
    ended = subprocess.run(
        ["make", "--dry-run", "UV=", target],
        cwd=folder,
        env=OUTSIDE_MAKE,
        check=True,
        capture_output=True,
        text=True,
    )
    return ended.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose `.venv` has the gateway in editable form, and both stamps."""
    folder = tmp_path / "clone"
    for name in ("Makefile", "pyproject.toml", ".ci/constraints.txt", ".ci/with_dots"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "gateway").mkdir()
    (folder / "gateway" / "__init__.py").touch()
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True, timeout=60
    )
    [packages] = (folder / ".venv").glob("lib/*/site-packages")
    (packages / "editable.pth").write_text(f"{folder}\n")
    for stamp in (".demo", ".installed"):
        (folder / ".venv" / stamp).touch()
    return folder


def test_make_keeps_a_venv_that_works(clone: Path) -> None:
    assert ".venv/bin/alleycat-gateway demo" in planned(clone, "demo")
    for target in ("demo", "check"):
        assert "install" not in planned(clone, target)
        assert MAKES_VENV not in planned(clone, target)


@pytest.mark.parametrize("target", ["demo", "check"])
def test_make_makes_the_venv_of_a_moved_clone_again(clone: Path, target: str) -> None:
    moved = clone.rename(clone.with_name("moved"))
    assert MAKES_VENV in planned(moved, target)
    assert "--editable" in planned(moved, target)


def test_make_makes_the_venv_of_a_copied_clone_again(clone: Path) -> None:
    copy = clone.with_name("copy")
    shutil.copytree(clone, copy, symlinks=True)
    assert MAKES_VENV in planned(copy, "demo")
    assert MAKES_VENV not in planned(clone, "demo")


def test_make_makes_a_venv_again_whose_python_is_gone(clone: Path) -> None:
    for python in (clone / ".venv" / "bin").glob("python*"):
        python.unlink()
        python.symlink_to("/nonexistent/python3")
    assert MAKES_VENV in planned(clone, "demo")


def test_make_tells_why_it_makes_a_venv_again(clone: Path) -> None:
    moved = clone.rename(clone.with_name("moved"))
    ended = subprocess.run(
        ["make", "UV=", "PYTHON=" + sys.executable, ".venv"],
        cwd=moved,
        env=OUTSIDE_MAKE,
        check=True,
        capture_output=True,
        text=True,
    )
    assert ended.stdout.startswith(
        ".venv is incomplete, was made in another folder, or has lost its Python: making it again\n"
    )
    assert not (moved / ".venv" / ".demo").exists()
    assert (moved / ".venv" / "bin" / "pip").exists()


def test_make_demo_installs_less_than_make_test(clone: Path) -> None:
    shutil.rmtree(clone / ".venv")
    demo, check = planned(clone, "demo"), planned(clone, "check")
    assert "--editable '.[demo]'" in demo
    assert "[dev]" not in demo
    assert "--editable '.[dev]'" in check
    assert "[demo]" not in check


def test_make_tries_another_venv_than_the_gateways_only_for_its_python(clone: Path) -> None:
    deb = clone / ".venv-deb"
    subprocess.run([sys.executable, "-m", "venv", deb], check=True)
    (clone / "systemd" / "package").mkdir(parents=True)
    (clone / "systemd" / "package" / "tools.txt").touch()
    (deb / ".installed").touch()
    assert "install" not in planned(clone, "wheels")
    (deb / "bin" / "python").unlink()
    assert "-m venv --clear .venv-deb" in planned(clone, "wheels")


def run_with_dots(*command: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / ".ci" / "with_dots"
    return subprocess.run([script, *command], check=False, capture_output=True, text=True)


def test_with_dots_prints_a_dot_each_second_and_no_output() -> None:
    ended = run_with_dots("sh", "-c", "sleep 2.5; echo hidden")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(r"\.\.?\n", ended.stdout)


def test_with_dots_prints_the_output_of_a_command_that_fails() -> None:
    ended = run_with_dots("sh", "-c", "echo why; exit 3")
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "\n", "why\n")


def test_with_dots_that_is_killed_prints_no_more_dots() -> None:
    command = [str(ROOT / ".ci" / "with_dots"), "sleep", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"."
        process.kill()
        process.wait()
        process.stdout.read()  # until no process has the pipe open
        os.killpg(process.pid, signal.SIGKILL)
