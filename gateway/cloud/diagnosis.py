"""Why a connection to the endpoint fails: each step is tried, with OpenSSL, which gives reasons.

awscrt reports only that a handshake failed.
"""

import asyncio
import os
import re
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.cloud.credentials import read_credentials
from gateway.cloud.fallback import SWALLOWED
from gateway.cloud.uplink import CredentialsError
from gateway.cloud.way import Family, NoProxyCredentials, ProxyRefusal, Stream, open_way
from gateway.config.cloud import CloudConfig, is_this_machine
from gateway.config.pem import KEYS, BadPem, load_pair, read_certificates
from gateway.config.validity import validities

#: Seconds for each step.
STEP_S = 10.0
#: Seconds for a refusal of our certificate: with TLS 1.3 it arrives after the handshake.
REFUSAL_S = 1.0
#: Seconds for a greeting: a TLS server waits for its client to begin.
GREETING_S = 0.1
#: IoT Core requires this ALPN name for MQTT with certificates on port 443.
ALPN_PORT, ALPN = 443, "x-amzn-mqtt-ca"
#: The CAs of AWS IoT Core ("Server authentication" in its developer guide).
AWS_CAS = ("Amazon Root CA 1", "Starfield Services Root Certificate Authority - G2")
#: The part of an endpoint's name whose certificate is from these CAs.
ATS = re.compile(r"[-.]ats\.iot\.")
#: Debian's public CAs.
PUBLIC_CAS = "/etc/ssl/certs/ca-certificates.crt"

_NETWORK = "check that this computer is online (`ip route`, `resolvectl status`)"
_NAME = f"check that cloud.endpoint is spelled correctly; {_NETWORK}"
_FAMILY = 'set cloud.address_family = "auto", or use a host that has such an address'
_PORT = "check cloud.endpoint and cloud.port"
_NO_BROKER = (
    "start the broker on this computer; or, to use a cloud, run: sudo alleycat-gateway setup"
)
_FIREWALL = "a firewall may block port {port}: try port = 443, which AWS IoT Core supports as well"
_FIREWALL_443 = "a firewall may block port 443: check that this network allows outgoing TLS"
_PROXY_DOWN = "check cloud.proxy, and that the proxy is running"
_PROXY = "check cloud.proxy, and that the proxy allows CONNECT to port {port}"
_PROXY_CREDENTIALS = (
    "save the proxy's user and password as user:password in a file that only the gateway can read, "
    "and set cloud.proxy_credentials_file to its path"
)
_PROXY_SIGN_IN = (
    "the gateway signs in with user and password (Basic), which this proxy does not accept: ask "
    "for a way to {endpoint}:{port} without a sign-in"
)
_BEHIND_PROXY = "check that cloud.endpoint is right, and that the proxy can reach its port {port}"
_WRONG_CREDENTIALS = "check the user and password in cloud.proxy_credentials_file"
_CREDENTIALS_FILE = (
    "save the proxy's user and password as user:password, in a single line that the gateway can "
    "read, at the path in cloud.proxy_credentials_file, {file}"
)
_TLS_PORT = "check that this port serves MQTT over TLS"
_HANDSHAKE = f"{_TLS_PORT}, and that the broker accepts this gateway's certificate"
#: OpenSSL's words for an answer that is not TLS.
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
_SWALLOWED = (
    "check that this port serves MQTT over TLS; if it does, the network swallows large packets: "
    "try a lower MTU, such as `sudo ip link set mtu 1280 dev eth0`{family}"
)
#: awscrt's error for an answer that is not MQTT 5, such as that of a broker for MQTT 3.1.1.
_NOT_MQTT_5 = "AWS_ERROR_MQTT5_DECODE_PROTOCOL_ERROR"
_SILENT = {
    "AWS_ERROR_MQTT5_CONNACK_TIMEOUT": "connected, but the broker sends no complete MQTT answer"
}
_OTHER_FAMILY = ', or cloud.address_family = "{family}"'
_CLOCK = "check the clock with `timedatectl`; if the clock is right, "
_NEW_CERTIFICATE = "the broker needs a new certificate"
_NEW_CA = "get the current certificate of the broker's CA for cloud.ca_file"
_OTHER_CERTIFICATE = (
    "the broker needs another certificate: for a server, and, like its CA, with a key of at least "
    "2048 bits (RSA) or 256 bits (ECDSA), signed with SHA-256 or better"
)
_WRONG_CA = "cloud.ca_file must contain the CA of the broker's certificate"
_WRONG_CA_AWS = "for AWS, remove cloud.ca_file: this computer knows Amazon's CAs"
_OLD_ENDPOINT = (
    "set cloud.endpoint to the one that `aws iot describe-endpoint --endpoint-type iot:Data-ATS` "
    "prints: the certificate of the older endpoint is not from Amazon's CAs"
)
_INSTALL_CAS = "install the public CAs: sudo apt install ca-certificates"
_OWN_CA = "for a broker of your own, set cloud.ca_file to the certificate of its CA"
_WRONG_NAME = "cloud.endpoint must be the name in the broker's certificate"
_PORTAL = (
    "another server answers instead of {broker}: a captive portal (open a web page on this network "
    "to sign in), or a proxy that intercepts TLS (ask for an exception for {endpoint})"
)
_PROXY_PORTAL = (
    "the proxy, or a captive portal in its place, asks for a sign-in: open a web page on this "
    "network to sign in, or ask for an exception for {endpoint}"
)
#: The answers of a proxy that sends its clients to a web page (RFC 9110, 15.4; RFC 6585, 6).
_SIGN_INS = ("300", "301", "302", "303", "307", "308", "511")
#: The answers of a proxy that cannot reach the endpoint (RFC 9110, 15.6).
_UNREACHED = ("502", "503", "504")

_REFUSED = "check that the certificate is active, and that the broker trusts its CA"
#: What to do about a refusal of the gateway's own certificate, by its TLS alert.
_REFUSED_REMEDIES = {
    "BAD_CERTIFICATE": "check that its validity has begun and the broker's clock is right; "
    f"{_REFUSED}",
    "CERTIFICATE_EXPIRED": "get a new one, or set the broker's clock",
    "CERTIFICATE_REVOKED": "get a new one",
    # TLS leaves out a certificate whose kind of key the other side does not offer to check.
    "CERTIFICATE_REQUIRED": f"get one with a key that the broker supports: {KEYS}",
    "UNSUPPORTED_CERTIFICATE": "get one for a client (extended key usage: clientAuth), with a kind "
    "of key that the broker supports, such as RSA",
}

#: The errors among OpenSSL's X509_V_ERR_… that name one cause.
_NOT_YET_VALID, _EXPIRED, _WRONG_HOST, _WRONG_ADDRESS = 9, 10, 62, 64
#: The purpose of the certificate, and keys and signatures that are too weak.
_UNSUITABLE = (26, 66, 67, 68)
#: Parts of the alerts with which a broker refuses a client's certificate (RFC 8446, 6.2).
_REFUSALS = {
    "CERTIFICATE_EXPIRED": "it has expired, or the broker's clock is wrong",
    "CERTIFICATE_REVOKED": "it was revoked",
    "UNKNOWN_CA": "the broker does not know its CA",
    "BAD_CERTIFICATE": "the broker does not accept it",
    "UNSUPPORTED_CERTIFICATE": "it is not for a client, or its kind of key is not supported",
    "CERTIFICATE_UNKNOWN": "the broker does not accept it",
    "CERTIFICATE_REQUIRED": "the broker does not support its kind of key",
    "ACCESS_DENIED": "the broker denies access with it",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The step that failed, and what to do. `is_refusal`: the broker refuses us."""

    what: str
    remedy: str
    is_refusal: bool = False

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


async def diagnose_failure(cloud: CloudConfig, family: Family, error_name: str) -> Diagnosis | None:
    """Return why awscrt failed with this error; None if only the broker can know."""
    found = await diagnose(cloud, family)
    if found is None and error_name in SWALLOWED and not cloud.plaintext:
        return swallowed(cloud, error_name)
    if found is None and error_name == _NOT_MQTT_5:
        return _not_mqtt_5(cloud)
    return found


async def diagnose(cloud: CloudConfig, family: Family, step_s: float = STEP_S) -> Diagnosis | None:
    """Try the way to the endpoint up to the TLS handshake; None if nothing fails there."""
    try:
        context = await asyncio.to_thread(_tls, cloud)
    except (CredentialsError, OSError):  # the files are being replaced, or none can be opened
        return None
    try:
        async with asyncio.timeout(step_s):
            stream = await open_way(cloud, family)
    except OSError as error:
        return _of_way(error, cloud, family)
    try:
        if context is None:
            return None
        if await _speaks_first(stream):
            return _not_tls(cloud, "the other side speaks first")
        async with asyncio.timeout(step_s):
            await stream[1].start_tls(context, server_hostname=cloud.endpoint)
        return await _of_refusal(stream, cloud)
    except OSError as error:
        return _of_handshake(error, cloud)
    finally:
        stream[1].transport.abort()


def _tls(cloud: CloudConfig) -> ssl.SSLContext | None:
    """Return a context with the files of the daemon's own TLS. Raises CredentialsError."""
    found = read_credentials(cloud)
    if found is None:
        return None
    context = ssl.create_default_context(cadata=found.ca and found.ca.decode("ascii"))
    # From Python 3.13 on, it would refuse certificates that the daemon's own TLS accepts.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    load_pair(context, found.certificate, found.key)
    if cloud.port == ALPN_PORT:
        context.set_alpn_protocols([ALPN])
    return context


def _of_way(error: OSError, cloud: CloudConfig, family: Family) -> Diagnosis:
    proxy = cloud.proxy_address
    where = f"the proxy {proxy}" if proxy else f"{cloud.endpoint}:{cloud.port}"
    what_to_check = _PROXY.format(port=cloud.port) if proxy else ""
    match error:
        case socket.gaierror():
            host = where if proxy else cloud.endpoint
            if family != "auto" and error.errno in (socket.EAI_NODATA, socket.EAI_ADDRFAMILY):
                what = f"{host}: no {family} address, and cloud.address_family allows no other"
                return Diagnosis(what, _FAMILY)
            what = f"{host}: name not resolved: {error.strerror}"
            return Diagnosis(what, what_to_check or _NAME)
        case NoProxyCredentials():
            remedy = _CREDENTIALS_FILE.format(file=cloud.proxy_credentials_file)
            return Diagnosis(f"no credentials for {where}: {error}", remedy)
        case ProxyRefusal():
            remedy = _refusal_remedy(error, cloud) or what_to_check
            return Diagnosis(f"{where} opens no connection to {cloud.endpoint}: {error}", remedy)
        case TimeoutError():
            port = _FIREWALL_443 if cloud.port == ALPN_PORT else _FIREWALL.format(port=cloud.port)
            return Diagnosis(f"{where}: no answer", what_to_check or port)
        case _:
            return Diagnosis(f"{where}: {_reason(error)}", _connection_remedy(error, cloud))


def _connection_remedy(error: OSError, cloud: CloudConfig) -> str:
    if cloud.proxy is not None:
        is_down = isinstance(error, ConnectionRefusedError)
        return _PROXY_DOWN if is_down else _PROXY.format(port=cloud.port)
    if is_this_machine(cloud.endpoint):
        return _NO_BROKER
    has_answered = isinstance(error, ConnectionRefusedError | ConnectionResetError)
    return _PORT if has_answered else _NAME


def _refusal_remedy(refusal: ProxyRefusal, cloud: CloudConfig) -> str:
    """Return what to do about a proxy's answer; empty for an answer without a known cause."""
    if refusal.status == "407" and refusal.sign_ins and "basic" not in refusal.sign_ins:
        return _PROXY_SIGN_IN.format(endpoint=cloud.endpoint, port=cloud.port)
    if refusal.status == "407":
        has_file = cloud.proxy_credentials_file is not None
        return _WRONG_CREDENTIALS if has_file else _PROXY_CREDENTIALS
    if refusal.status in _UNREACHED:
        return _BEHIND_PROXY.format(port=cloud.port)
    return _PROXY_PORTAL.format(endpoint=cloud.endpoint) if refusal.status in _SIGN_INS else ""


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error) or "the connection was closed"


def _of_handshake(error: OSError, cloud: CloudConfig) -> Diagnosis:
    where = f"{cloud.endpoint}:{cloud.port}"
    match error:
        case ssl.SSLCertVerificationError():
            remedy = _certificate_remedy(error, cloud)
            return Diagnosis(f"{where}: {error.verify_message}", remedy)
        case TimeoutError():
            return swallowed(cloud)
        case ssl.SSLError():
            refusal = _refusal(error, cloud)
            if refusal is not None:
                return refusal
            if error.reason in _NOT_TLS:
                return _not_tls(cloud, error.reason)
            return Diagnosis(f"{where}: TLS handshake failed: {error.reason or error}", _HANDSHAKE)
        case _:
            return Diagnosis(f"{where}: TLS handshake failed: {_reason(error)}", _HANDSHAKE)


def _not_mqtt_5(cloud: CloudConfig) -> Diagnosis:
    what = f"{cloud.endpoint}:{cloud.port}: the answer is not MQTT 5"
    return Diagnosis(what, "check that this port serves MQTT, and that the broker supports MQTT 5")


def swallowed(cloud: CloudConfig, error_name: str = "") -> Diagnosis:
    """Return the diagnosis of a TCP connection on which TLS, or MQTT after it, gets no answer.

    `error_name` is awscrt's. A path that swallows the gateway's certificate can cause both.
    """
    other = {"ipv4": "ipv6", "ipv6": "ipv4"}.get(cloud.address_family)
    hint = _OTHER_FAMILY.format(family=other) if other else ""
    silent = _SILENT.get(error_name, "connected, but the TLS handshake gets no answer")
    what = f"{cloud.endpoint}:{cloud.port}: {silent}"
    return Diagnosis(what, _SWALLOWED.format(family=hint))


async def _speaks_first(stream: Stream) -> bool:
    """Return whether something arrives unasked, such as a web page after a proxy's answer."""
    try:
        async with asyncio.timeout(GREETING_S):
            return bool(await stream[0].read(1))
    except TimeoutError:
        return False


def _not_tls(cloud: CloudConfig, evidence: str) -> Diagnosis:
    what = f"{cloud.endpoint}:{cloud.port}: TLS handshake failed: the answer is not TLS"
    return Diagnosis(f"{what} ({evidence})", _or_portal(_TLS_PORT, cloud))


async def _of_refusal(stream: Stream, cloud: CloudConfig) -> Diagnosis | None:
    """Wait for a refusal of our certificate; a broker sends nothing else before MQTT begins."""
    try:
        async with asyncio.timeout(REFUSAL_S):
            await stream[0].read(1)
    except ssl.SSLError as error:
        return _refusal(error, cloud)
    except OSError:
        return None
    return None


def _refusal(error: ssl.SSLError, cloud: CloudConfig) -> Diagnosis | None:
    for alert, meaning in _REFUSALS.items():
        if f"ALERT_{alert}" in (error.reason or ""):
            what = f"the broker refuses the certificate {cloud.certificate_file}"
            remedy = _REFUSED_REMEDIES.get(alert, _REFUSED)
            return Diagnosis(f"{what}: {meaning} ({error.reason})", remedy, is_refusal=True)
    return None


def _certificate_remedy(error: ssl.SSLCertVerificationError, cloud: CloudConfig) -> str:
    is_aws = _is_aws(cloud)
    if error.verify_code in (_NOT_YET_VALID, _EXPIRED):
        return _CLOCK + _dates_remedy(cloud)
    if error.verify_code in (_WRONG_HOST, _WRONG_ADDRESS):
        return _or_portal("" if is_aws else _WRONG_NAME, cloud)
    if error.verify_code in _UNSUITABLE:
        return _or_portal("" if is_aws else _OTHER_CERTIFICATE, cloud)
    return _ca_remedy(cloud)


def _dates_remedy(cloud: CloudConfig) -> str:
    if cloud.ca_file is not None and not _is_valid_now(cloud.ca_file):
        return _WRONG_CA_AWS if _is_aws(cloud) else _NEW_CA
    return _or_portal("", cloud) if _is_aws(cloud) else _NEW_CERTIFICATE


def _ca_remedy(cloud: CloudConfig) -> str:
    is_aws, ca_file = _is_aws(cloud), cloud.ca_file
    if ca_file is None and not os.path.exists(PUBLIC_CAS):
        return f"for AWS, {_INSTALL_CAS}; {_OWN_CA}"
    if is_aws and not ATS.search(cloud.endpoint):
        return _or_portal(_OLD_ENDPOINT, cloud)
    if is_aws:
        is_right = ca_file is None or _has_aws_ca(ca_file)
        return _or_portal("" if is_right else _WRONG_CA_AWS, cloud)
    return _or_portal(_OWN_CA if ca_file is None else _WRONG_CA, cloud)


def _is_aws(cloud: CloudConfig) -> bool:
    return cloud.endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _or_portal(remedy: str, cloud: CloudConfig) -> str:
    """Add that the network may lead elsewhere, unless the endpoint is this computer."""
    if is_this_machine(cloud.endpoint):
        return remedy
    broker = "AWS" if _is_aws(cloud) else "the broker"
    portal = _PORTAL.format(broker=broker, endpoint=cloud.endpoint)
    return f"{remedy}; or {portal}" if remedy else portal


def _is_valid_now(ca_file: Path) -> bool:
    """Return whether a CA in the file is valid by the computer's clock, as far as can be read."""
    now = datetime.now(UTC)
    try:
        return any(one.begin <= now <= one.end for one in validities(read_certificates(ca_file)))
    except ValueError:
        return True


def _has_aws_ca(ca_file: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=read_certificates(ca_file).decode("ascii"))
    except BadPem:  # the file is being replaced
        return False
    subjects = [str(ca.get("subject")) for ca in context.get_ca_certs()]
    return any(f"'{name}'" in subject for subject in subjects for name in AWS_CAS)
