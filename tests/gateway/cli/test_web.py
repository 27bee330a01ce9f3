"""`web`: the link, and what is wrong if there is none."""

import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.app import app
from gateway.host.errors import FAILED
from gateway.web.token import TokenFile

CONFIG = """
thing_name = "gateway-1"
state_dir = "."
[cloud]
endpoint = "127.0.0.1"
plaintext = true
{web}
[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Hayden"
class_id = 1
driver = "fake"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


def run(config: Path, web: str, *options: str) -> Result:
    config.write_text(CONFIG.format(web=web), encoding="utf-8")
    return CliRunner().invoke(app, ["web", "--config", str(config), *options])


OUTSIDE = '[web]\nport = 8080\nlisten = "192.168.1.7"'


def test_link_has_the_token_which_only_the_owner_can_read(config: Path) -> None:
    shown = run(config, OUTSIDE)
    token = TokenFile(config.parent)
    assert shown.exit_code == 0
    assert shown.stdout == f"http://192.168.1.7:8080/#token={token.token()}\n"
    assert stat.S_IMODE(token.path.stat().st_mode) == 0o600
    assert run(config, OUTSIDE).stdout == shown.stdout


def test_link_comes_with_the_path_of_the_page_that_it_does_not_open(config: Path) -> None:
    shown = run(config, OUTSIDE)
    assert shown.stderr == "The link opens the rider's page; the owner's page is at /gateway.\n"


def test_name_that_is_published_is_in_the_last_link(config: Path) -> None:
    shown = run(config, f"{OUTSIDE}\nmdns = true")
    address, name = shown.stdout.splitlines()
    assert address.startswith("http://192.168.1.7:8080/#token=")
    assert name.startswith("http://alleycat-gateway-1.local:8080/#token=")


def test_rotated_token_is_another_one(config: Path) -> None:
    old = run(config, OUTSIDE).stdout
    new = run(config, OUTSIDE, "--rotate").stdout
    assert new != old
    assert new == run(config, OUTSIDE).stdout


def test_pages_on_loopback_have_no_token(config: Path) -> None:
    shown = run(config, "[web]\nport = 8080")
    assert shown.stdout == "http://127.0.0.1:8080/\n"
    assert not TokenFile(config.parent).path.exists()


def test_pages_that_are_off_are_an_error_with_a_remedy(config: Path) -> None:
    shown = run(config, "")
    assert shown.exit_code == FAILED
    assert shown.stderr.startswith(f"the pages are off: set port under [web] in {config}, and ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_token_of_another_user_needs_sudo(config: Path) -> None:
    run(config, OUTSIDE)
    TokenFile(config.parent).path.chmod(0)
    assert "run this command with sudo" in run(config, OUTSIDE).stderr


def test_directory_in_place_of_the_token_is_an_error(config: Path) -> None:
    TokenFile(config.parent).path.mkdir(parents=True)
    shown = run(config, OUTSIDE)
    assert shown.exit_code == FAILED
    assert "expected the token of a gateway" in shown.stderr
