"""Bikes on a serial port: the port, the driver, the scan."""
