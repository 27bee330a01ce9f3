"""Everything bike-shaped: protocols, transports, fakes. Never imports `gateway`."""

from drivers.contract import BikeAbsent, BikeLost, Clock, Driver, DriverOptions
from drivers.reading import Frame, Reading

__all__ = ["BikeAbsent", "BikeLost", "Clock", "Driver", "DriverOptions", "Frame", "Reading"]
