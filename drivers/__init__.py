"""Everything bike-shaped: protocols, transports, fakes. Never imports `gateway`."""

from drivers.contract import BikeLost, Clock, Driver, DriverOptions
from drivers.reading import Frame, Reading

__all__ = ["BikeLost", "Clock", "Driver", "DriverOptions", "Frame", "Reading"]
