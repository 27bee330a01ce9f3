"""Certificates made for the purpose, with dates of the test's own."""

import datetime as dt
from pathlib import Path

import pytest
import trustme

from gateway.config.cloud import CloudConfig
from gateway.doctor.certificates import check_certificates
from gateway.terminal.finding import Finding, State

END = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
BEGIN = END - dt.timedelta(days=100)


@pytest.fixture
def cloud(tmp_path: Path) -> CloudConfig:
    """A certificate that is valid from BEGIN to END, and a CA's."""
    ca = trustme.CA()
    issued = ca.issue_cert("gateway-1", not_before=BEGIN, not_after=END)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "cert.pem").write_bytes(b"".join(one.bytes() for one in issued.cert_chain_pems))
    return CloudConfig(
        endpoint="broker.example",
        ca_file=tmp_path / "ca.pem",
        certificate_file=tmp_path / "cert.pem",
        private_key_file=tmp_path / "key.pem",
    )


def own(cloud: CloudConfig, now: dt.datetime, *, clock_is_set: bool = True) -> Finding:
    return check_certificates(cloud, now, clock_is_set=clock_is_set)[0]


def test_valid_certificate_is_reported_with_its_end(cloud: CloudConfig) -> None:
    finding = own(cloud, END - dt.timedelta(days=31))
    assert finding == Finding(
        "certificate", State.OK, "cloud.certificate_file: valid until 2030-06-01"
    )


def test_certificate_that_expires_soon_is_a_warning_in_days(cloud: CloudConfig) -> None:
    finding = own(cloud, END - dt.timedelta(days=12, hours=1))
    assert finding.state is State.WARNING
    assert "expires in 12 days, on 2030-06-01" in finding.what
    assert "expires in 1 day, on" in own(cloud, END - dt.timedelta(days=1, hours=1)).what
    assert "expires in less than a day, on" in own(cloud, END - dt.timedelta(hours=1)).what


def test_expired_certificate_is_a_failure(cloud: CloudConfig) -> None:
    finding = own(cloud, END)
    assert finding.state is State.FAILED
    assert "expired on 2030-06-01" in finding.what
    assert "new certificate" in finding.remedy


@pytest.mark.parametrize("clock_is_set", [True, False])
def test_certificate_from_the_future_questions_the_clock(
    cloud: CloudConfig, clock_is_set: bool
) -> None:
    finding = own(cloud, BEGIN - dt.timedelta(seconds=1), clock_is_set=clock_is_set)
    assert finding.state is State.FAILED
    assert "check the clock" in finding.remedy


def test_certificate_is_not_judged_without_a_clock(cloud: CloudConfig) -> None:
    finding = own(cloud, END, clock_is_set=False)
    assert (finding.state, finding.what.endswith("the clock is not set)")) == (State.OK, True)


def test_ca_certificate_is_checked_as_well(cloud: CloudConfig) -> None:
    findings = check_certificates(cloud, dt.datetime(3000, 1, 1, tzinfo=dt.UTC), clock_is_set=True)
    assert [one.what.split(" ")[0] for one in findings] == [
        "cloud.certificate_file",
        "cloud.ca_file",
    ]
    assert all("expired" in one.what for one in findings)


def test_file_that_is_no_certificate_is_reported(cloud: CloudConfig) -> None:
    assert cloud.certificate_file is not None
    cloud.certificate_file.write_text(
        "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"
    )
    assert "cannot be read" in own(cloud, BEGIN).what


def test_missing_certificate_is_left_to_the_config_check(cloud: CloudConfig) -> None:
    assert cloud.certificate_file is not None
    cloud.certificate_file.unlink()
    assert len(check_certificates(cloud, BEGIN, clock_is_set=True)) == 1


def test_plaintext_is_a_warning_that_no_certificate_is_used() -> None:
    finding = own(CloudConfig(endpoint="127.0.0.1", port=1883, plaintext=True), BEGIN)
    assert finding.state is State.WARNING
    assert "no cloud is set up" in finding.what
    assert "127.0.0.1:1883" in finding.what
    assert "setup" in finding.remedy
