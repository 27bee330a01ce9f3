"""Peripherals of a gateway. Tests send the frames: `bike.notify(bikes.INDOOR_BIKE_DATA, …)`."""

import asyncio
from collections.abc import Mapping

from drivers.protocols.bluetooth.ifit import (
    BIKE,
    INFORMATION,
    OK,
    READ,
    ChunkJoiner,
    IfitMessage,
    chunks_of,
    decode_bitmap,
    decode_message,
    encode_bitmap,
    encode_message,
    encode_values,
)
from tests.support.bluez import Bluez, Device

FITNESS_MACHINE = "1826"
FITNESS_MACHINE_FEATURE = "2acc"
CROSS_TRAINER_DATA = "2ace"
INDOOR_BIKE_DATA = "2ad2"
RESISTANCE_RANGE = "2ad6"
CONTROL_POINT = "2ad9"
FITNESS_MACHINE_STATUS = "2ada"

CYCLING_POWER = "1818"
CYCLING_POWER_MEASUREMENT = "2a63"
CYCLING_POWER_FEATURE = "2a65"

SPEED_AND_CADENCE = "1816"
CSC_MEASUREMENT = "2a5b"
CSC_FEATURE = "2a5c"

SENSOR_LOCATION = "2a5d"
HEART_RATE = "180d"
HEART_RATE_MEASUREMENT = "2a37"

ECHELON = "0bf669f1-45f2-11e7-9598-0800200c9a66"
ECHELON_ADVERTISED = "0bf669f0-45f2-11e7-9598-0800200c9a66"
ECHELON_WRITE = "0bf669f2-45f2-11e7-9598-0800200c9a66"
ECHELON_REPLIES = "0bf669f3-45f2-11e7-9598-0800200c9a66"
ECHELON_DATA = "0bf669f4-45f2-11e7-9598-0800200c9a66"

# Flywheel speaks over Nordic's UART service.
FLYWHEEL = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
FLYWHEEL_WRITE = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
FLYWHEEL_DATA = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"

IFIT = "00001533-1412-efde-1523-785feabcd123"
IFIT_WRITE = "00001534-1412-efde-1523-785feabcd123"
IFIT_ANSWERS = "00001535-1412-efde-1523-785feabcd123"

GYMCONNECT = "a026ee07-0a7d-4ab3-97fa-f1500f9feb8b"
GYMCONNECT_MEASUREMENT = "a026e01d-0a7d-4ab3-97fa-f1500f9feb8b"

SCHWINN = "3bf58980-3a2f-11e6-9011-0002a5d5c51b"
SCHWINN_EVENTS = "5c7d82a0-9803-11e3-8a6c-0002a5d5c51b"

PM5_DISCOVERY = "ce060000-43e5-11e4-916c-0800200c9a66"
PM5_ROWING = "ce060030-43e5-11e4-916c-0800200c9a66"
PM5_GENERAL = "ce060031-43e5-11e4-916c-0800200c9a66"
PM5_STATUS = "ce060032-43e5-11e4-916c-0800200c9a66"
PM5_STROKE = "ce060036-43e5-11e4-916c-0800200c9a66"

FEC = "6e40fec1-b5a3-f393-e0a9-e50e24dcca9e"
FEC_DATA = "6e40fec2-b5a3-f393-e0a9-e50e24dcca9e"
FEC_WRITE = "6e40fec3-b5a3-f393-e0a9-e50e24dcca9e"

KEISER_COMPANY = 0x0102

_NOTIFY = ("notify",)
_READ = ("read",)
_CONTROL = ("write", "indicate")
_INDOOR_BIKE = bytes((0x01, 0x20, 0x00))  # available; type: indoor bike


def ftms_bike(bluez: Bluez, name: str = "FTMS bike") -> Device:
    return bluez.add_device(
        name=name,
        services={
            FITNESS_MACHINE: {
                FITNESS_MACHINE_FEATURE: _READ,
                INDOOR_BIKE_DATA: _NOTIFY,
                RESISTANCE_RANGE: _READ,
                CONTROL_POINT: _CONTROL,
                FITNESS_MACHINE_STATUS: _NOTIFY,
            }
        },
        service_data={FITNESS_MACHINE: _INDOOR_BIKE},
    )


def stopped_bike(bluez: Bluez, name: str = "Stopped bike") -> Device:
    """Add an FTMS bike that has to be started and answers its commands.

    Notify it of what `stopped_or` gives: cagnulein/qdomyos-zwift #5075.
    """
    bike = ftms_bike(bluez, name)
    bike.on_write = lambda _uuid, data: bytes((0x80, data[0], 0x01))
    return bike


def stopped_or(bike: Device, riding: bytes) -> bytes:
    """Return `riding` once the bike was started, until then its zeros."""
    return riding if any(data == b"\x07" for _, data in bike.written) else bytes((0x64, *[0] * 9))


def cross_trainer(bluez: Bluez, name: str = "Cross trainer") -> Device:
    return bluez.add_device(
        name=name,
        services={FITNESS_MACHINE: {CROSS_TRAINER_DATA: _NOTIFY, CONTROL_POINT: _CONTROL}},
        service_data={FITNESS_MACHINE: bytes((0x01, 0x02, 0x00))},
    )


def power_meter(bluez: Bluez, name: str = "Power meter") -> Device:
    return bluez.add_device(
        name=name,
        services={
            CYCLING_POWER: {
                CYCLING_POWER_MEASUREMENT: _NOTIFY,
                CYCLING_POWER_FEATURE: _READ,
                SENSOR_LOCATION: _READ,
            }
        },
    )


def csc_sensor(bluez: Bluez, name: str = "Cadence sensor") -> Device:
    return bluez.add_device(
        name=name,
        services={
            SPEED_AND_CADENCE: {
                CSC_MEASUREMENT: _NOTIFY,
                CSC_FEATURE: _READ,
                SENSOR_LOCATION: _READ,
            }
        },
    )


def heart_rate_strap(bluez: Bluez, name: str = "Strap") -> Device:
    return bluez.add_device(
        name=name, services={HEART_RATE: {HEART_RATE_MEASUREMENT: _NOTIFY, "2a38": _READ}}
    )


def echelon_bike(bluez: Bluez, name: str | None = "ECHEX-5S-113399") -> Device:
    return bluez.add_device(
        name=name,
        services={
            ECHELON: {
                ECHELON_WRITE: ("write", "write-without-response"),
                ECHELON_REPLIES: _NOTIFY,
                ECHELON_DATA: _NOTIFY,
            }
        },
        advertised=[ECHELON_ADVERTISED],
    )


def flywheel_bike(bluez: Bluez, name: str = "Flywheel 1") -> Device:
    return bluez.add_device(
        name=name,
        services={
            FLYWHEEL: {FLYWHEEL_WRITE: ("write", "write-without-response"), FLYWHEEL_DATA: _NOTIFY}
        },
    )


def ifit_bike(bluez: Bluez, values: Mapping[int, int], name: str = "I_EB1234") -> Device:
    """Add a console whose registers have `values`; it answers each request that is complete."""
    device = bluez.add_device(
        name=name, services={IFIT: {IFIT_WRITE: ("write",), IFIT_ANSWERS: _NOTIFY}}
    )
    requests = ChunkJoiner()

    def on_write(_uuid: str, chunk: bytes) -> None:
        request = decode_message(requests.join(chunk))
        if request is not None:
            for piece in chunks_of(encode_message(_ifit_answer(request, values))):
                asyncio.get_running_loop().call_soon(device.notify, IFIT_ANSWERS, piece)

    device.on_write = on_write
    return device


def _ifit_answer(request: IfitMessage, values: Mapping[int, int]) -> IfitMessage:
    """Answer as an exercise bike; a request for a register that it does not have is refused."""
    equipment, body = BIKE, OK
    if request.command == INFORMATION:
        body += bytes(8) + encode_bitmap(values)
    elif request.command == READ:
        asked = decode_bitmap(request.body[1:])
        has_all = asked <= values.keys() and request.equipment == BIKE
        body = OK + encode_values({one: values[one] for one in asked}) if has_all else b"\0"
    return IfitMessage(equipment, request.command, body, is_answer=True)


def gymconnect_bike(bluez: Bluez, name: str = "CHRONO 12") -> Device:
    return bluez.add_device(name=name, services={GYMCONNECT: {GYMCONNECT_MEASUREMENT: _NOTIFY}})


def schwinn_bike(bluez: Bluez, name: str = "SCHWINN 170/270") -> Device:
    return bluez.add_device(name=name, services={SCHWINN: {SCHWINN_EVENTS: _NOTIFY}})


def pm5_bike(bluez: Bluez, name: str = "PM5 432331249 Bike") -> Device:
    return bluez.add_device(
        name=name,
        services={
            PM5_ROWING: {PM5_GENERAL: _NOTIFY, PM5_STATUS: _NOTIFY, PM5_STROKE: _NOTIFY},
        },
        advertised=[PM5_DISCOVERY],
    )


def tacx_trainer(bluez: Bluez, name: str = "Tacx Neo 11565") -> Device:
    """Add a trainer that advertises only its cadence service."""
    return bluez.add_device(
        name=name,
        services={
            SPEED_AND_CADENCE: {CSC_MEASUREMENT: _NOTIFY},
            CYCLING_POWER: {CYCLING_POWER_MEASUREMENT: _NOTIFY},
            FEC: {FEC_DATA: _NOTIFY, FEC_WRITE: ("write", "write-without-response")},
        },
        advertised=[SPEED_AND_CADENCE],
    )


def keiser_m3i(bluez: Bluez, frame: bytes, name: str | None = "M3") -> Device:
    """Add a bike that only broadcasts.

    Send more with `device.advertise(manufacturer_data={KEISER_COMPANY: frame})`.
    """
    return bluez.add_device(name=name, manufacturer_data={KEISER_COMPANY: frame})
