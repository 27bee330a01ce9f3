"""config_path: the same name finds the file in a checkout and in an installed wheel."""

import shutil
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from gateway.config import packaged


def test_config_path_in_a_checkout_is_next_to_the_packages() -> None:
    path = packaged.config_path("aws/template.yaml")
    assert path == Path(__file__).parents[3] / "config" / "aws" / "template.yaml"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as in a virtual environment at `tmp_path`, with no config/ beside it."""
    source = tmp_path / "lib" / "site-packages" / "gateway" / "config" / "packaged.py"
    source.parent.mkdir(parents=True)
    shutil.copy(packaged.__file__, source)
    spec = spec_from_file_location("installed_packaged", source)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    return module


def test_config_path_of_a_wheel_is_under_share(installed: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "share" / "alleycat-gateway" / "config" / "gateway.toml"
    path.parent.mkdir(parents=True)
    path.touch()
    assert installed.config_path("gateway.toml") == path


def test_config_path_names_both_places_when_the_file_is_missing(
    installed: ModuleType, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        installed.config_path("gateway.toml")
    text = str(raised.value)
    assert text.startswith("gateway.toml, a file shipped with alleycat-gateway, is missing")
    assert str(tmp_path / "lib" / "site-packages" / "config") in text
    assert str(tmp_path / "share" / "alleycat-gateway" / "config") in text
    assert text.endswith("reinstall alleycat-gateway")
