"""alleycat-gateway.service as systemd reads it: correct, and as confined as it can be."""

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

UNIT = Path(__file__).parents[2] / "systemd" / "alleycat-gateway.service"
EXPOSURE_MAX = 1.7
#: Keys that systemd 252, of Debian 12, does not know: it would warn of them in the journal.
NEWER = (
    "RestartSteps",
    "RestartMaxDelaySec",
    "RestartMode",
    "MemoryZSwapMax",
    "SurviveFinalKillSignal",
)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    return subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True, timeout=60
    )


def exposures() -> list[dict[str, Any]]:
    """What systemd-analyze counts against the unit."""
    found = analyze("security", "--offline=true", "--json=short", str(UNIT))
    assert found.returncode == 0, found.stderr
    findings: list[dict[str, Any]] = json.loads(found.stdout)
    return [one for one in findings if float(one.get("exposure") or 0) > 0]


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("=/usr/bin/alleycat-gateway ", "=/bin/true "))
    said = analyze("verify", "--man=no", str(copy)).stderr.splitlines()
    assert [line for line in said if UNIT.name in line] == []


def test_unit_has_no_key_that_debian_12_does_not_know() -> None:
    keys = re.findall(r"(?m)^(\w+)=", UNIT.read_text())
    assert [key for key in keys if key in NEWER] == []


def test_reload_checks_the_config_first() -> None:
    text = UNIT.read_text()
    [config] = re.findall(r"(?m)^ExecStart=.* --config (\S+)$", text)
    assert re.findall(r"(?m)^ExecReload=(.*)$", text) == [
        f"/usr/bin/alleycat-gateway config check {config}",
        "/bin/kill -HUP $MAINPID",
    ]


def test_unit_is_confined() -> None:
    threshold = f"--threshold={round(EXPOSURE_MAX * 10)}"
    found = analyze("security", "--offline=true", threshold, str(UNIT))
    assert found.returncode == 0, found.stdout


def test_ant_stick_gets_only_what_it_needs() -> None:
    """The unit of a gateway without a stick stays as confined as it is."""
    granted = re.findall(r"(?m)^(\w+)=(.*)$", (UNIT.parent / "ant-stick.conf").read_text())
    assert granted == [
        ("DeviceAllow", "char-usb_device rw"),
        ("RestrictAddressFamilies", "AF_NETLINK"),
    ]
    assert not {value for _, value in granted} & set(re.split(r"[=\s]", UNIT.read_text()))


def test_each_missing_protection_has_its_reason_in_the_unit() -> None:
    comments = " ".join(line for line in UNIT.read_text().splitlines() if line.startswith("#"))
    allowed = {"AF_UNIX": "AF_UNIX", "AF_(INET|INET6)": "PrivateNetwork=", "@clock": "@clock"}
    allowed |= {"@privileged": "@privileged"}
    for finding in exposures():
        name, _, value = finding["name"].partition("~")
        # What is granted on purpose is granted beside its comment.
        reason = allowed.get(value) or name.split("/")[0]
        if name == "DeviceAllow=":
            reason = "serial port"
        assert reason in comments, finding


def test_start_watchdog_and_restarts_are_as_promised() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    service = unit["Service"]
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"
    assert "network-online.target" not in unit["Unit"]["After"]
    expected = {
        "Type": "notify",
        "NotifyAccess": "main",
        "TimeoutStartSec": "600",
        "WatchdogSec": "40",
        "Restart": "always",
        "RestartPreventExitStatus": "78",
        "UMask": "0077",
        "StateDirectoryMode": "0700",
    }
    assert {key: service[key] for key in expected} == expected
