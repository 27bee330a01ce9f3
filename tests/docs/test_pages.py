"""The pages fit each other, the commands and the make targets."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from docs.build_site import ROOT, links, pages, target
from gateway.cli.app import app
from gateway.simulation.cloud.leaderboard import score

PAGES = [page.relative_to(ROOT) for page in pages()]
#: The output of programs, and languages in which `alleycat-gateway` is no command.
_SHELL = re.compile(r"(?ms)^```(?:sh|console)\n(.*?)^```")


def headings(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs name them."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    titles = re.findall(r"(?m)^#+ (.*)$", text)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for link in links(ROOT / page):
        file = target(ROOT / page, link)
        if file is None:
            continue
        assert file.is_file(), link
        anchor = link.partition("#")[2]
        assert not anchor or anchor in headings(file), link


def test_the_site_has_every_page_in_its_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = yaml.safe_load(text[text.index("\nnav:") :])["nav"]
    listed = set(_files(nav))
    assert {str(page) for page in PAGES if page.parts[:2] != ("docs", "decisions")} <= listed


def _files(nav: object) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    elif isinstance(nav, dict):
        for part in nav.values():
            yield from _files(part)
    elif isinstance(nav, list):
        for part in nav:
            yield from _files(part)


def test_the_index_lists_every_page() -> None:
    linked = {target(ROOT / "docs/index.md", link) for link in links(ROOT / "docs/index.md")}
    assert {page for page in (ROOT / "docs").glob("*.md") if page.name != "index.md"} <= linked


def commands(page: Path) -> Iterator[list[str]]:
    """Yield each call of alleycat-gateway on a page, as its words."""
    text = page.read_text(encoding="utf-8")
    blocks = "\n".join(_SHELL.findall(text)).replace("\\\n", " ")
    calls = re.findall(r"(?m)^(?:\$ )?(?:sudo )?alleycat-gateway (.*)$", blocks)
    calls += re.findall(r"`(?:sudo )?alleycat-gateway ([^`]+)`", text)
    for call in calls:
        yield shlex.split(call.replace("…", ""), comments=True)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_commands_and_options_exist(page: Path) -> None:
    for words in commands(page):
        command: Any = get_command(app)
        for word in words:
            if word not in getattr(command, "commands", {}):
                break
            command = command.commands[word]
        assert words[0].startswith("-") or words[0] == "VERB" or command.name != "alleycat-gateway"
        if command.name == "calibrate":  # `calibrate BIKE` is `calibrate resistance BIKE`
            command = command.commands["resistance"]
        known = {option for one in command.params for option in one.opts} | {"--help"}
        assert {word for word in words if re.match(r"--[a-z]", word)} <= known, words


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile))
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"(?m)(?:^|`)(?:sudo )?make ([a-z][a-z-]*)(?=[` \n])", text)
    assert set(named) <= targets


def test_scores_on_the_telemetry_page_follow_the_formula() -> None:
    page = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| (\d+) rpm \| (\d+) % \| ([\d.]+) \|$", page)
    assert len(rows) >= 4
    for cadence, resistance, output in rows:
        assert score(int(cadence), int(resistance)) == float(output)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 130


def test_readme_installs_the_package_as_the_tested_page_does() -> None:
    install = r"(?m)^sudo apt install \./.*$"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    assert re.findall(install, readme) == re.findall(install, page) != []
