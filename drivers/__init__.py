"""Everything about bikes: protocols, transports, the fake bike. Never imports `gateway`.

Plugins import the names listed here; they must not import the modules below this package.
"""

from drivers.contract import (
    BikeAbsent,
    BikeLost,
    Clock,
    Driver,
    DriverOptions,
    DriverType,
    FrameListener,
    FrameSource,
    RadioDriver,
    Reception,
    RememberingDriver,
    ResistanceTable,
    ResistanceTableSource,
    TableOrigin,
    WaitingDriver,
    ignore_frame,
)
from drivers.discovery import AdapterDiscoverer, Discoverer, FoundBike
from drivers.reading import Frame, Reading

__all__ = [
    "AdapterDiscoverer",
    "BikeAbsent",
    "BikeLost",
    "Clock",
    "Discoverer",
    "Driver",
    "DriverOptions",
    "DriverType",
    "FoundBike",
    "Frame",
    "FrameListener",
    "FrameSource",
    "RadioDriver",
    "Reading",
    "Reception",
    "RememberingDriver",
    "ResistanceTable",
    "ResistanceTableSource",
    "TableOrigin",
    "WaitingDriver",
    "ignore_frame",
]
