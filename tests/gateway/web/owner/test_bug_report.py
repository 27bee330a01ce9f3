"""A bug report has everything that helps, and no secret."""

import json
from pathlib import Path
from typing import Any

import pytest
import structlog

from gateway.web.owner.bug_report import LEFT_OUT, without_secrets
from gateway.web.token import TokenFile
from tests.support.web_pages import serving

PEM = "-----BEGIN PRIVATE KEY-----\nMIIplanted\n-----END PRIVATE KEY-----"
CONFIG = """
thing_name = "gateway-1"
state_dir = "{state_dir}"

[cloud]
endpoint = "planted-user:planted-pass@broker.example"
ca_file = "ca.pem"
certificate_file = "cert.pem"
private_key_file = "planted.key"

[[bikes]]
id = "bike-1"
racer_id = 1
racer_name = "Amy"
class_id = 1
driver = "fake"
options = {{ api_key = "planted-key", account = {{ password = "planted-word" }} }}
"""


def test_options_that_may_be_secret_are_left_out_wherever_they_occur() -> None:
    report: dict[str, Any] = {
        "config": {
            "bikes": [{"id": "b", "options": {"password": "planted", "pin": 123456, "port": "x"}}],
            "private_key_file": "/etc/key.pem",
        },
        "log": [{"text": "login with planted failed: 123456"}],
    }
    found = without_secrets(report, [])
    (bike,) = found["config"]["bikes"]
    assert bike["options"] == {"password": LEFT_OUT, "pin": LEFT_OUT, "port": "x"}
    assert found["config"]["private_key_file"] == "/etc/key.pem"
    assert found["log"][0]["text"] == f"login with {LEFT_OUT} failed: {LEFT_OUT}"


def test_keys_and_passwords_in_texts_are_left_out() -> None:
    report = {
        "log": [
            PEM,
            "http://amy:planted@proxy.example:80/",
            "got 'amy:planted@x'",
            "'http://amy:pla/planted@proxy.example:80': expected another",
            "http://amy:pla@planted@proxy.example:80",
            "http://planted-alone@proxy.example:80",
            "token planted-token",
        ]
    }
    assert "planted" not in json.dumps(without_secrets(report, ["planted-token"]))


@pytest.mark.parametrize("name", ["apikey", "api_key", "bindkey", "wifi_psk", "pwd", "PASSWORD"])
def test_values_below_a_secret_name_are_looked_for(name: str) -> None:
    report = {"options": {name: {"of": ["planted", 123456, True]}}, "log": "planted 123456 True"}
    expected = {"options": {name: LEFT_OUT}, "log": f"{LEFT_OUT} {LEFT_OUT} True"}
    assert without_secrets(report, []) == expected


def test_options_that_only_resemble_secrets_stay() -> None:
    report = {"keyboard": "x", "spinning": 4, "private_key_file": "/k.pem", "at": "a@b.example"}
    assert without_secrets(report, []) == report


def test_short_secret_spoils_no_other_text() -> None:
    found = without_secrets({"options": {"pin": 1}, "text": "1 bike"}, [""])
    assert found == {"options": {"pin": LEFT_OUT}, "text": "1 bike"}


async def test_report_is_one_file_without_planted_secrets(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(CONFIG.format(state_dir=tmp_path), "utf-8")
    (tmp_path / "planted.key").write_text(PEM, "utf-8")
    async with serving(tmp_path, file=file, names=["gym.example.com"]) as pages:
        token = TokenFile(tmp_path).token()
        structlog.get_logger().warning("logged", seen=f"{token} and planted-word")
        headers = {"Authorization": f"Bearer {token}"}
        async with pages.session.get(f"{pages.url}/report", headers=headers) as answer:
            assert answer.headers["Content-Disposition"].startswith("attachment")
            text = await answer.text()
    found = json.loads(text)
    assert {"check", "status", "log", "config", "made_at"} <= found.keys()
    assert found["check"]["versions"]["alleycat-gateway"]
    assert found["status"]["gateway"]["thing_name"]
    assert found["config"]["bikes"][0]["racer_name"] == "Amy"
    assert "planted-" not in text
    assert "MIIplanted" not in text
    assert token not in text


async def test_report_needs_the_token(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, names=["gym.example.com"]) as pages,
        pages.session.get(f"{pages.url}/report") as answer,
    ):
        assert answer.status == 401
