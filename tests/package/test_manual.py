"""The manual page, generated from the commands, and whether groff can read it."""

import re
import shutil
import subprocess

import pytest

from gateway.host import errors
from systemd.package.commands import CommandNode, command_nodes
from systemd.package.manual import manual

#: The program, and each of its commands.
NODES = list(command_nodes())


@pytest.fixture(scope="module")
def page() -> str:
    return manual("1.2.3", "2026-11-29")


@pytest.fixture(scope="module")
def read(page: str) -> str:
    """As `man` shows it, with one space between words."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed: apt install groff-base")
    done = subprocess.run(
        ["groff", "-Kutf8", "-man", "-Tutf8", "-ww", "-P-cbou"],
        input=page,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return " ".join(done.stdout.split())


def test_manual_page_names_version_and_date(page: str) -> None:
    assert '"2026-11-29" "alleycat\\-gateway 1.2.3"' in page
    assert "@" not in page


@pytest.mark.parametrize("node", NODES, ids=lambda node: " ".join(node.path) or "none")
def test_manual_page_has_each_command_with_its_options(page: str, node: CommandNode) -> None:
    plain = page.replace("\\-", "-")
    path, command = node.path, node.command
    if path:
        assert f"\n.SS {' '.join(path)}\n.B alleycat-gateway {' '.join(path)} " in plain
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert re.search(rf"\n\.B (-\w, )?{re.escape(parameter.opts[0])}\b", plain)


def test_manual_page_is_read_by_groff_without_a_warning(read: str) -> None:
    assert "alleycat-gateway watch [OPTIONS] BIKE Show live what a bike sends" in read
    assert "Put > before a frame that was sent to the bike, and quote it: '>0001'." in read


def test_manual_page_lists_every_exit_code(page: str) -> None:
    [section] = re.findall(r"(?s)\.SH EXIT STATUS\n(.*?)\.SH", page)
    codes = {value for name, value in vars(errors).items() if name.isupper()}
    assert {int(code) for code in re.findall(r"(?m)^\.B (\d+)$", section)} == codes | {0}
