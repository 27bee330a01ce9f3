"""The dates of certificates, compared with what `cryptography` reads."""

import datetime as dt
import ssl
from contextlib import suppress

import pytest
import trustme
from cryptography import x509

from gateway.config.validity import Validity, validities

BEGIN = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
#: From 2050 on, a certificate has times of another type.
ENDS = [dt.datetime(year, 6, 7, 8, 9, 10, tzinfo=dt.UTC) for year in (2021, 2049, 2050, 9998)]


def certificate(end: dt.datetime) -> bytes:
    return trustme.CA().issue_cert("a", not_before=BEGIN, not_after=end).cert_chain_pems[0].bytes()


@pytest.mark.parametrize("end", ENDS, ids=lambda end: str(end.year))
def test_dates_of_a_certificate_are_read(end: dt.datetime) -> None:
    pem = certificate(end)
    assert validities(pem) == [Validity(BEGIN, end)]
    assert validities(b"\xef\xbb\xbfBag Attributes\r\n" + pem.replace(b"\n", b"\r\n"))[0].end == end


def test_each_certificate_of_a_bundle_is_read() -> None:
    pems = [certificate(end) for end in ENDS]
    assert [one.end for one in validities(b"# a CA\n".join(pems))] == ENDS


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_dates_of_public_cas_are_those_that_cryptography_reads() -> None:
    ders = ssl.create_default_context().get_ca_certs(binary_form=True)
    assert len(ders) > 50
    for der in ders:
        known = x509.load_der_x509_certificate(der)
        assert validities(ssl.DER_cert_to_PEM_cert(der).encode()) == [
            Validity(known.not_valid_before_utc, known.not_valid_after_utc)
        ]


def test_damaged_certificate_is_a_value_error() -> None:
    der = ssl.PEM_cert_to_DER_cert(certificate(ENDS[0]).decode())
    for end in range(0, len(der), 7):
        with pytest.raises(ValueError, match="damaged"):
            validities(ssl.DER_cert_to_PEM_cert(der[:end]).encode())
    for number in range(0, len(der), 3):
        spoilt = der[:number] + bytes([der[number] ^ 0xFF]) + der[number + 1 :]
        with suppress(ValueError):
            validities(ssl.DER_cert_to_PEM_cert(spoilt).encode())


def test_file_without_a_certificate_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no certificate"):
        validities(b"hello")
