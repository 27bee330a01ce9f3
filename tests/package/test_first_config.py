"""The config before `setup`: valid without a certificate, and recognised as not set up."""

from pathlib import Path

import pytest

from drivers.registry import load_drivers
from gateway.config.first import is_set_up
from gateway.config.packaged import config_path
from gateway.config.schema import load_config
from systemd.package.first_config import CHANGES, first_config

EXAMPLE = config_path("gateway.toml").read_text(encoding="utf-8")


def test_first_config_works_without_a_certificate(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(first_config(EXAMPLE))
    config = load_config(file, load_drivers())
    assert [bike.driver for bike in config.bikes] == ["fake"]
    cloud = config.cloud
    assert (cloud.endpoint, cloud.port, cloud.plaintext) == ("127.0.0.1", 1883, True)
    assert config.state_dir == Path("/var/lib/alleycat-gateway")
    assert not is_set_up(config)


def test_first_config_is_otherwise_the_example() -> None:
    text = first_config(EXAMPLE)
    for old, new in CHANGES:
        text = text.replace(new + "\n", old + "\n", 1)
    assert text == EXAMPLE


@pytest.mark.parametrize("line", [old for old, _ in CHANGES])
def test_first_config_refuses_an_example_that_has_changed(line: str) -> None:
    with pytest.raises(ValueError, match="once, found it 0 times"):
        first_config(EXAMPLE.replace(line, "# gone"))
