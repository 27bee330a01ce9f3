"""The device policy of a unit, compared with devices of this computer."""

from pathlib import Path

import pytest

from gateway.host.device_policy import DevicePolicy, policy_from, service_policy

#: What systemctl 252 prints.
SHOWN = "DevicePolicy=closed\nDeviceAllow=char-ttyUSB rw\nDeviceAllow=/dev/full rw\n"
DEVICES = "Character devices:\n  1 mem\n  4 tty\n188 ttyUSB\n\nBlock devices:\n  1 ramdisk\n"


def closed(*allowed: str) -> DevicePolicy:
    return DevicePolicy(is_closed=True, allowed=allowed)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/devices").write_text(DEVICES)
    return tmp_path


def test_policy_is_read_from_what_systemctl_shows() -> None:
    assert policy_from(SHOWN) == closed("char-ttyUSB rw", "/dev/full rw")


@pytest.mark.parametrize(
    ("shown", "is_closed"),
    [
        ("", False),
        ("DevicePolicy=auto\n", False),
        ("DevicePolicy=auto\nDeviceAllow=/dev/full rw\n", True),
        ("DevicePolicy=strict\n", True),
    ],
)
def test_policy_without_a_list_is_open_only_if_it_is_auto(shown: str, is_closed: bool) -> None:
    assert policy_from(shown).is_closed is is_closed


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ("char-mem rw", True),
        ("char-m* rwm", True),
        ("char-mem r", False),
        ("char-ramdisk rw", False),
        ("char-tty rw", False),
        ("/dev/null rw", True),
        ("/dev/null", True),
        ("/dev/full rw", False),
        ("/dev/nowhere rw", False),
    ],
)
def test_device_is_allowed_by_its_driver_or_its_name(
    root: Path, allowed: str, expected: bool
) -> None:
    assert closed(allowed).allows("/dev/null", root) is expected


def test_link_to_an_allowed_device_is_allowed(root: Path) -> None:
    link = root / "serial0"
    link.symlink_to("/dev/null")
    assert closed("/dev/null rw").allows(str(link), root)
    assert closed(f"{link} rw").allows("/dev/null", root)


def test_open_policy_allows_every_device(root: Path) -> None:
    assert DevicePolicy().allows("/dev/null", root)


def test_what_is_no_device_or_not_there_is_left_to_the_attempt(root: Path) -> None:
    assert closed().allows(str(root / "none"), root)
    assert closed().allows(str(root / "proc/devices"), root)


def test_policy_is_open_without_systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert service_policy() == DevicePolicy()


def test_policy_is_that_of_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(
        f"#!/bin/sh\n[ \"$1 $2\" = 'show alleycat-gateway' ] && printf '{SHOWN}'\n"
    )
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert service_policy() == closed("char-ttyUSB rw", "/dev/full rw")
