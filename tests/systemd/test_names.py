"""A name that stands in several files is the same in all of them."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.config.schema import Config
from gateway.host.errors import BAD_CONFIG

ROOT = Path(__file__).parents[2]
SYSTEMD = ROOT / "systemd"
NAME = "alleycat-gateway"
UNIT = (SYSTEMD / f"{NAME}.service").read_text()
CONFIG_FILE = f"/etc/{NAME}/gateway.toml"

#: Where a reader is told what to type, or what lies where.
PAGES = (
    "README.md",
    *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))),
    "systemd/package/postinst",
    "config/gateway.toml",
)


def unit(key: str) -> list[str]:
    return re.findall(rf"(?m)^{key}=(.*)$", UNIT)


def test_user_and_group_are_the_same_in_unit_sysusers_udev_and_dbus() -> None:
    assert unit("User") == unit("Group") == [NAME]
    sysusers = (SYSTEMD / f"{NAME}.sysusers").read_text()
    assert re.findall(r"(?m)^u (\S+) .* (\S+)$", sysusers) == [(NAME, f"/var/lib/{NAME}")]
    assert re.findall(r"(?m)^m (\S+) (\S+)$", sysusers) == [(NAME, "dialout")]
    assert unit("SupplementaryGroups") == ["dialout"]
    rules = (SYSTEMD / f"99-{NAME}.rules").read_text()
    assert 'GROUP="dialout"' in rules
    policy = ElementTree.parse(SYSTEMD / f"{NAME}.dbus.conf").getroot()
    assert [part.get("user") for part in policy.iter("policy")] == [NAME]
    assert [part.get("send_destination") for part in policy.iter("allow")] == ["org.bluez"]


def test_directories_are_the_same_in_unit_postinst_and_config() -> None:
    for kind in ("State", "Runtime", "Configuration"):
        assert unit(f"{kind}Directory") == [NAME]
    postinst = (SYSTEMD / "package" / "postinst").read_text()
    made = re.findall(r'install -d -m (\d+) -o (\S+) -g (\S+) "(.*)"', postinst)
    assert made == [
        ("0750", "root", NAME, "${config%/*}"),
        ("0700", NAME, NAME, "$state"),
    ]
    assert f"\nstate=/var/lib/{NAME}\n" in postinst
    assert unit("StateDirectoryMode") == ["0700"]
    assert unit("ConfigurationDirectoryMode") == ["0750"]
    assert Config.model_fields["state_dir"].default == Path(f"/var/lib/{NAME}")


def test_the_service_runs_the_command_with_the_config_that_is_installed() -> None:
    assert unit("ExecStart") == [f"/usr/bin/{NAME} run --config {CONFIG_FILE}"]
    recipe = (SYSTEMD / "package" / "nfpm.yaml").read_text()
    assert f"dst: /usr/bin/{NAME}\n    type: symlink" in recipe
    assert f"config={CONFIG_FILE}\n" in (SYSTEMD / "package" / "postinst").read_text()


def test_service_is_not_restarted_after_a_bad_config() -> None:
    assert unit("RestartPreventExitStatus") == [str(BAD_CONFIG)]


def test_every_file_of_the_service_is_in_the_package() -> None:
    recipe = (SYSTEMD / "package" / "nfpm.yaml").read_text()
    files = sorted(path.name for path in SYSTEMD.iterdir() if path.is_file())
    assert files == sorted(re.findall(r"src: systemd/(\S+)\n", recipe))


@pytest.mark.parametrize("page", PAGES)
def test_units_and_paths_on_a_page_are_those_installed(page: str) -> None:
    text = (ROOT / page).read_text()
    for service in re.findall(r"systemctl \S+(?: --\S+)* (\S*alleycat[\w.-]*)", text):
        assert service.removesuffix(".service") == NAME
    for directory in re.findall(r"/(?:etc|var/lib|run|opt)/([\w-]*(?:alley|gateway)[\w-]*)", text):
        assert directory == NAME
    for file in re.findall(rf"/etc/{NAME}/([\w.]+\.toml)", text):
        assert f"/etc/{NAME}/{file}" == CONFIG_FILE


def test_udev_rules_are_valid(tmp_path: Path) -> None:
    rules = SYSTEMD / f"99-{NAME}.rules"
    text = rules.read_text()
    assert 'TAG+="systemd"' in text
    assert 'ENV{ID_MM_DEVICE_IGNORE}="1"' in text
    assert 'ATTR{idVendor}=="0fcf", ATTR{idProduct}=="1008|1009"' in text, "ANT sticks"
    udevadm = shutil.which("udevadm")
    if udevadm is None:
        pytest.skip("udevadm is not installed: apt install udev")
    verified = subprocess.run(
        [udevadm, "verify", rules], check=False, capture_output=True, text=True
    )
    if "Unknown command" in verified.stderr:
        pytest.skip("this udevadm cannot verify rules: that comes with systemd 254")
    assert verified.returncode == 0, verified.stderr
