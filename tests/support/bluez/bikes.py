"""Peripherals of a gateway. Tests send the frames: `bike.notify(bikes.INDOOR_BIKE_DATA, …)`."""

from tests.support.bluez import Bluez, Device

FITNESS_MACHINE = "1826"
FITNESS_MACHINE_FEATURE = "2acc"
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


def echelon_bike(bluez: Bluez, name: str = "ECHEX-5S-113399") -> Device:
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


def keiser_m3i(bluez: Bluez, frame: bytes, name: str = "M3") -> Device:
    """Add a bike that only broadcasts.

    Send more with `device.advertise(manufacturer_data={KEISER_COMPANY: frame})`.
    """
    return bluez.add_device(name=name, manufacturer_data={KEISER_COMPANY: frame})
