"""Bikes on Bluetooth Low Energy: the radio, the driver, and what BlueZ needs."""
