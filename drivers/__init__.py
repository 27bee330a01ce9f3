"""Everything bike-shaped: protocols, transports, fakes. Never imports `gateway`.

A plugin imports these names, and nothing from the modules below.
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
    ResistanceTable,
    ResistanceTableSource,
    TableOrigin,
    ignore_frame,
)
from drivers.discovery import Discoverer, FoundBike
from drivers.reading import Frame, Reading

__all__ = [
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
    "Reading",
    "ResistanceTable",
    "ResistanceTableSource",
    "TableOrigin",
    "ignore_frame",
]
