"""What a gateway's config, its certificate and its state directory reveal of the clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from gateway.config.clock_trust import clock_trust
from gateway.config.schema import ClockConfig, Config
from gateway.timing.clock import this_boot
from gateway.timing.clock_sync import EARLIEST_MS
from tests.support.gateways import config


def with_certificate(state_dir: Path, content: bytes) -> Config:
    file = state_dir / "certificate.pem"
    file.write_bytes(content)
    settings = config(state_dir, [{}])
    cloud = settings.cloud.model_copy(update={"certificate_file": file})
    return settings.model_copy(update={"cloud": cloud})


def made_at(begin: datetime) -> bytes:
    issued = trustme.CA().issue_cert(
        "gateway-1", not_before=begin, not_after=begin + timedelta(days=9999)
    )
    return b"".join(one.bytes() for one in issued.cert_chain_pems)


def test_clock_is_trusted_only_if_the_config_declares_it_right(tmp_path: Path) -> None:
    settings = config(tmp_path, [{}])
    assert not clock_trust(settings).always
    always = settings.model_copy(update={"clock": ClockConfig(trust="always")})
    assert clock_trust(always).always


def test_time_before_the_certificate_was_made_is_certainly_past(tmp_path: Path) -> None:
    made = datetime(2026, 8, 1, 12, tzinfo=UTC)
    settings = with_certificate(tmp_path, made_at(made))
    assert clock_trust(settings).earliest_ms() == made.timestamp() * 1000


def test_old_certificate_does_not_make_an_impossible_time_possible(tmp_path: Path) -> None:
    made = datetime(2020, 8, 1, tzinfo=UTC)
    settings = with_certificate(tmp_path, made_at(made))
    assert clock_trust(settings).earliest_ms() == EARLIEST_MS


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_certificate_that_cannot_be_read_reveals_nothing(tmp_path: Path, content: bytes) -> None:
    assert clock_trust(with_certificate(tmp_path, content)).earliest_ms() == EARLIEST_MS
    assert clock_trust(config(tmp_path, [{}])).earliest_ms() == EARLIEST_MS, "without one"


@pytest.mark.parametrize(
    ("boot_id", "source", "was_set"),
    [
        (this_boot(), "time_server", True),
        (this_boot(), "hardware", False),
        (this_boot(), "config", False),
        ("another", "time_server", False),
    ],
)
def test_clock_was_set_if_a_time_server_set_it_in_this_boot(
    tmp_path: Path, boot_id: str, source: str, was_set: bool
) -> None:
    (tmp_path / "boots.json").write_text(
        f'{{"{boot_id}": {{"began_ms": 1780000000000, "source": "{source}"}}}}'
    )
    assert clock_trust(config(tmp_path, [{}])).was_set == was_set
