"""Generates SUPPORTED_BIKES.md from the gateway's protocols, profiles and captures.

`make bikes` runs it; a test fails if the file is not current.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

from drivers.captures.format import load_capture
from drivers.profiles import BikeProfile, load_profiles
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import WireProtocol

ROOT = Path(__file__).parents[1]
FILE = ROOT / "SUPPORTED_BIKES.md"
CAPTURES = ROOT / "tests" / "captures"

HEAD = """\
# Supported bikes

<!-- Written by docs/supported_bikes.py: `make bikes`. -->

`alleycat-gateway scan` finds a bike and prints what to put into the config. A bike that is not
listed here works if it speaks one of the protocols. If it deviates from the protocol, correct this
in its `[bikes.options]`: `cadence_scale`, `resistance_scale`, `ignore_resistance`, `power_scale`,
`power_offset_w`, `power_from`, and over Bluetooth `start` and `services`.
"""

PROTOCOLS_HEAD = """
## Protocols

The last column states what the decoder was tested against. Requests and start commands follow the
same sources; no bike was at hand to try them.

| protocol | connection | description | tested against |
|---|---|---|---|"""

PROFILES_HEAD = """
## Bikes with a profile

These bikes are recognised by their Bluetooth name, or by a protocol that only they speak; their
corrections are applied automatically. In a name, `*` is any text, `?` any character, and `[0-9]` a
digit.

| bike | Bluetooth names | corrections | notes | source |
|---|---|---|---|---|"""

TAIL = """
## Not supported

* **Peloton Bike+**: the protocol of its USB port is not published.
* **Echelon** with newer firmware: locked to its own app.
* **Concept2, Wahoo, Tacx** over USB: no serial port. Connect them over Bluetooth.
* **Ergofit** over a serial port: no answer of such a bike is published. The only program that reads
  such a bike begins by disabling the keys with which the rider sets the load, and it is unknown
  whether the load that the bike reports is the rider's power or only what was set.
* **Ergoline, Lode, Tunturi** over a serial port: their protocols are not published.
* **XCX** (`XCX-…`): its FTMS values are known to be wrong (cagnulein/qdomyos-zwift #4908), and too
  few frames of its own protocol are published.
* **Keep** (`KEEP_BIKE_…`, `KEEP_CC_…`): a bike sends data only after a login with the owner's
  account and phone, and no other way in is known.
* **Yesoul**, older models without FTMS (service FFF0): no frame with known values is published, and
  only one program states where the values are. Newer models speak FTMS.

Is yours missing? Record its data with `alleycat-gateway capture`, and open an issue with that file
and with the values that the bike's own display showed.
"""


def page() -> str:
    return "\n".join((HEAD.rstrip(), *_sections(), TAIL))


def _sections() -> Iterator[str]:
    yield PROTOCOLS_HEAD
    captures = map(load_capture, CAPTURES.rglob("*.jsonl"))
    captured = Counter(name for capture in captures for name in capture.protocols)
    for name, protocol in PROTOCOLS.items():
        evidence = _evidence(protocol, captured[name])
        yield f"| `{name}` | {_over(protocol)} | {_what(protocol)} | {evidence} |"
    yield PROFILES_HEAD
    for profile in filter(lambda profile: profile.is_bike, load_profiles()):
        names = ", ".join(f"`{name}`" for name in profile.bluetooth_names)
        yield (
            f"| {profile.name} | {names} | {_corrections(profile)} | {profile.note} "
            f"| {profile.source} |"
        )


def _over(protocol: type[WireProtocol]) -> str:
    if protocol.line is not None:
        return f"serial, {' or '.join(map(str, protocol.line.baud_rates))} baud"
    if protocol.ant is not None:
        return "ANT+"
    if protocol.company_id is not None:
        return "Bluetooth, broadcast"
    return "Bluetooth"


def _evidence(protocol: type[WireProtocol], captures: int) -> str:
    """Return what the decoder was tested against: our level of confidence."""
    return f"{protocol.evidence}, {captures} captures" if captures > 1 else str(protocol.evidence)


def _what(protocol: type[WireProtocol]) -> str:
    """Return the first sentence of the docstring of the protocol's module."""
    text = sys.modules[protocol.__module__].__doc__
    assert text is not None
    paragraph = cleandoc(text).partition("\n\n")[0].replace("\n", " ")
    return paragraph.partition(". ")[0].rstrip(".").replace("|", "\\|")


def _corrections(profile: BikeProfile) -> str:
    corrections = {
        "cadence": profile.cadence_scale and f"× {profile.cadence_scale:g}",
        "resistance": profile.resistance_scale and f"× {profile.resistance_scale:g}",
        "resistance ": "ignored" if profile.ignore_resistance else None,
        "power": profile.power_scale and f"× {profile.power_scale:g}",
        "power ": profile.power_offset_w and f"{profile.power_offset_w:+g} W",
        "power  ": "computed from cadence and level" if profile.power_from else None,
        "start": "none" if profile.start == () else " ".join(profile.start or ()),
        "not": ", ".join(f"`{name}`" for name in profile.mute),
        "connection": "kept alive" if profile.update_parameters else None,
        "also": ", ".join(f"`{name}`" for name in profile.services),
    }
    return "; ".join(f"{what.strip()} {how}" for what, how in corrections.items() if how)


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
