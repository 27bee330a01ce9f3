"""The project's metadata: one version, constraints that fit, documents that name what there is."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from gateway.cli.app import app

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
DECISIONS = ROOT / "docs" / "decisions"
PAGES = sorted(set(DECISIONS.glob("*.md")) - {DECISIONS / "index.md"})
#: The Pythons of the supported releases of Debian and Raspberry Pi OS.
PYTHONS = ("3.11", "3.13")


def requirements(extra: str) -> Iterator[Requirement]:
    """Yield what an extra asks for, without the extras of this project that it includes."""
    for requirement in map(Requirement, PROJECT["optional-dependencies"][extra]):
        if requirement.name != PROJECT["name"]:
            yield requirement


def test_version_option_prints_the_version_of_pyproject() -> None:
    assert version(PROJECT["name"]) == PROJECT["version"], "run make: the installation is old"
    printed = CliRunner().invoke(app, ["--version"]).stdout
    assert printed == f"{PROJECT['name']} {PROJECT['version']}\n"


def test_changelog_has_a_section_for_the_version_or_is_waiting_for_its_release() -> None:
    released = re.findall(r"(?m)^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", CHANGELOG)
    assert re.search(r"(?m)^## \[Unreleased\]$", CHANGELOG)
    assert PROJECT["version"] == (released[0] if released else "0.1.0")


@pytest.mark.parametrize(
    "requirement",
    [
        *map(Requirement, PROJECT["dependencies"]),
        *(one for extra in ("aws", "demo", "dev", "docs") for one in requirements(extra)),
    ],
    ids=lambda requirement: requirement.name,
)
def test_constraints_pin_each_dependency_to_a_version_it_allows(requirement: Requirement) -> None:
    pins = {
        canonicalize_name(name): pin
        for name, pin in re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", CONSTRAINTS)
    }
    pin = pins.get(canonicalize_name(requirement.name))
    assert pin is not None, "make constraints"
    assert requirement.specifier.contains(pin), "make constraints"


@pytest.mark.parametrize("python", PYTHONS)
def test_supported_python_is_declared_and_run_by_the_workflow(python: str) -> None:
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    assert f"Programming Language :: Python :: {python}" in PROJECT["classifiers"]
    assert f'"{python}"' in WORKFLOW


def test_hooks_run_every_command_of_make_check() -> None:
    recipe = re.search(r"(?m)^check:.*\n((?:\t.*\n)+)", MAKEFILE)
    assert recipe
    commands = [line.strip().removeprefix("$(BIN)/") for line in recipe[1].splitlines()]
    entries = re.findall(r"entry: \.venv/bin/(.*)", HOOKS)
    entries = [entry.removesuffix(" --force-exclude") for entry in entries]
    # A hook gets its files from pre-commit.
    assert len(entries) == len(commands)
    assert [entry for entry in entries if not any(c.startswith(entry) for c in commands)] == []


@pytest.mark.parametrize("form", ["bug", "bike"])
def test_issue_form_asks_for_the_output_of_check_and_a_capture(form: str) -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml").read_text(encoding="utf-8")
    fields = {field["id"]: field for field in yaml.safe_load(text)["body"]}
    assert "`sudo alleycat-gateway check --json`" in fields["check"]["attributes"]["label"]
    assert fields["check"]["validations"]["required"]
    assert (
        "alleycat-gateway capture BIKE ride.jsonl" in fields["capture"]["attributes"]["description"]
    )


def test_index_of_decisions_links_to_each_page() -> None:
    index = (DECISIONS / "index.md").read_text(encoding="utf-8")
    pages = {page.name for page in PAGES}
    assert set(re.findall(r"\]\(([\w-]+\.md)\)", index)) == pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_decision_page_has_its_five_sections(page: Path) -> None:
    headings = re.findall(r"(?m)^## (.*)$", page.read_text(encoding="utf-8"))
    expected = ["Context", "Decision", "Alternatives", "Measurements", "Consequences"]
    assert headings == expected
