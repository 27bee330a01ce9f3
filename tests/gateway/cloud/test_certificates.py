"""What the dates of a certificate mean at a moment."""

import datetime as dt

import pytest
import trustme

from gateway.cloud import certificates
from gateway.cloud.certificates import certificate_status
from gateway.config.validity import Validity, validities

END = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
BEGIN = END - dt.timedelta(days=100)


def pem(end: dt.datetime = END) -> bytes:
    return trustme.CA().issue_cert("a", not_before=BEGIN, not_after=end).cert_chain_pems[0].bytes()


@pytest.mark.parametrize(
    ("left", "expiry"),
    [
        (dt.timedelta(days=12, hours=1), "expires in 12 days, on 2030-06-01"),
        (dt.timedelta(days=1, hours=1), "expires in 1 day, on 2030-06-01"),
        (dt.timedelta(hours=1), "expires in less than a day, on 2030-06-01"),
        (dt.timedelta(0), "expired on 2030-06-01"),
        (dt.timedelta(days=-400), "expired on 2030-06-01"),
    ],
)
def test_expiry_is_given_in_whole_days(left: dt.timedelta, expiry: str) -> None:
    assert (
        certificate_status("certificate_file", pem(), END - left, clock_is_set=True).expiry
        == expiry
    )


@pytest.mark.parametrize(
    ("days", "soon", "problem"),
    [(30, False, False), (29, True, False), (7, True, False), (6, True, True), (-1, True, True)],
)
def test_expiry_is_soon_within_a_month_and_a_problem_within_a_week(
    days: int, soon: bool, problem: bool
) -> None:
    status = certificate_status(
        "certificate_file", pem(), END - dt.timedelta(days=days), clock_is_set=True
    )
    assert (status.expires_soon, status.problem is not None) == (soon, problem)


def test_first_certificate_of_a_chain_is_the_own_one_and_the_longest_of_the_cas_counts() -> None:
    later = END + dt.timedelta(days=9)
    chain = pem() + pem(later)
    assert certificate_status("certificate_file", chain, END, clock_is_set=True).valid_until == END
    assert certificate_status("ca_file", chain, END, clock_is_set=True).valid_until == later


def test_file_is_parsed_once_for_every_status(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    def parse(content: bytes) -> list[Validity]:
        parsed.append(content)
        return validities(content)

    monkeypatch.setattr(certificates, "validities", parse)
    content = pem()
    for _ in range(3):
        certificate_status("certificate_file", content, END, clock_is_set=True)
    assert parsed == [content]
