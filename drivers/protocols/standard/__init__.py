"""Protocols of the standard Bluetooth services, which the Bluetooth SIG defines."""
