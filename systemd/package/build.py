"""`make deb`: dist/alleycat-gateway_<version>_<architecture>.deb, installable without a network.

/usr/lib/alleycat-gateway is a virtual environment on the system's Python with a complete
site-packages for each Python of a supported Debian, so that one package works on all of them, and
continues to work after an upgrade of Debian. All dependencies are wheels (wheels.txt): nothing is
compiled, here or on the Pi, and each architecture can be built on the other. nfpm.yaml defines the
layout.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from systemd.package.copyright import copyright_text
from systemd.package.documents import debian_changelog, write_compressed, write_documents
from systemd.package.first_config import first_config
from systemd.package.native import strip_libraries
from systemd.package.records import correct_records

ROOT = Path(__file__).parents[2]
RECIPE = Path(__file__).parent
BUILD = ROOT / "build" / "deb"
DIST = ROOT / "dist"
TOOLS = Path(sys.executable).parent

#: Debian's name of an architecture → the name in wheels.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
#: The Pythons of Debian 12 and Debian 13. `depends` in nfpm.yaml must match.
PYTHONS = ("3.11", "3.13")

COMMAND = """\
#!/usr/lib/alleycat-gateway/bin/python3
from gateway.__main__ import main

main()
"""


def main() -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    DIST.mkdir(exist_ok=True)
    with BUILD.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # CI tests the package in two ways at once
        _build()


def _build() -> None:
    facts = package_facts()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or _output("git", "log", "-1", "--format=%ct"))
    environment = {**os.environ, **facts, "SOURCE_DATE_EPOCH": str(epoch)}
    shutil.rmtree(BUILD, ignore_errors=True)
    _run(TOOLS / "hatchling", "build", "--target", "wheel", "--directory", BUILD, env=environment)
    [wheel] = BUILD.glob("*.whl")
    (BUILD / "gateway.toml").write_text(first_config((ROOT / "config/gateway.toml").read_text()))
    share = BUILD / "share"
    _stage_share(share, wheel, facts, epoch)
    _make_reproducible(share, epoch)
    for architecture in ARCHITECTURES:
        tree = BUILD / architecture
        _stage(tree, wheel, architecture)
        _make_reproducible(tree, epoch)
        file = DIST / f"alleycat-gateway_{facts['VERSION']}_{architecture}.deb"
        _package(
            file,
            {**environment, "ARCHITECTURE": architecture, "TREE": str(tree), "SHARE": str(share)},
        )
        print(file.relative_to(ROOT))


def package_facts() -> dict[str, str]:
    """Return what pyproject.toml states on the package, by its name in nfpm.yaml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [maintainer] = project["maintainers"]
    return {
        "VERSION": project["version"],
        "MAINTAINER": f"{maintainer['name']} <{maintainer['email']}>",
        "HOMEPAGE": project["urls"]["Homepage"],
    }


def _stage(tree: Path, wheel: Path, architecture: str) -> None:
    """Assemble the content of /usr/lib/alleycat-gateway in `tree`."""
    for python in PYTHONS:
        site_packages = tree / "lib" / f"python{python}" / "site-packages"
        for what in (["--require-hashes", "--requirement", RECIPE / "wheels.txt"], [wheel]):
            platform = f"{ARCHITECTURES[architecture]}-manylinux_2_28"
            _install(
                *("--python-version", python, "--python-platform", platform),
                *("--target", site_packages, *what),
            )
        shutil.rmtree(site_packages / "bin")  # the libraries' commands
        # The wheel's copy of config/ is not used: gateway/config/packaged.py looks elsewhere.
        shutil.rmtree(site_packages / "share")
        (site_packages / ".lock").unlink()  # left by uv
        strip_libraries(site_packages)
        correct_records(site_packages)
    shutil.copytree(ROOT / "config", tree / "share/alleycat-gateway/config")
    (tree / "bin").mkdir()
    (tree / "bin/alleycat-gateway").write_text(COMMAND)
    (tree / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")


def _stage_share(share: Path, wheel: Path, facts: dict[str, str], epoch: int) -> None:
    """Assemble what is generated in /usr/share: documents, manual page, completion of bash."""
    version = facts["VERSION"]
    # The commands describe themselves, on the Python that runs this.
    runnable = BUILD / "runnable"
    for what in (["--require-hashes", "--requirement", RECIPE / "wheels.txt"], [wheel]):
        _install("--python", sys.executable, "--target", runnable, *what)
    environment = {**os.environ, "PYTHONPATH": str(runnable), "PYTHONDONTWRITEBYTECODE": "1"}
    documents = share / "doc/alleycat-gateway"
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    write_documents(documents, debian_changelog(changes, version, facts["MAINTAINER"], epoch))
    (documents / "copyright").write_text(copyright_text(runnable, facts["HOMEPAGE"]), "utf-8")
    day = f"{datetime.fromtimestamp(epoch, UTC):%Y-%m-%d}"
    page = _output(sys.executable, "-m", "systemd.package.manual", version, day, env=environment)
    write_compressed(share / "man/man1/alleycat-gateway.1.gz", page)
    bash = _output(sys.executable, "-m", "systemd.package.completion", env=environment)
    file = share / "bash-completion/completions/alleycat-gateway"
    file.parent.mkdir(parents=True)
    file.write_text(bash, encoding="utf-8")


def _install(*arguments: str | Path) -> None:
    _run(
        *(TOOLS / "uv", "pip", "install", "--quiet", "--no-config", "--no-deps"),
        *("--only-binary", ":all:", "--link-mode", "copy", "--no-installer-metadata"),
        *arguments,
    )


def _make_reproducible(tree: Path, epoch: int) -> None:
    """Set fixed modes and times, so that the package does not depend on who builds it, and when."""
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.parent == tree / "bin"
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def _package(file: Path, environment: dict[str, str]) -> None:
    draft = BUILD / file.name
    arguments = ("--packager", "deb", "--config", RECIPE / "nfpm.yaml", "--target", draft)
    _run(TOOLS / "nfpm", "package", *arguments, env=environment)
    draft.replace(file)


def _run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, cwd=ROOT, env=env, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def _output(*command: str | Path, env: dict[str, str] | None = None) -> str:
    return subprocess.run(
        command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    main()
