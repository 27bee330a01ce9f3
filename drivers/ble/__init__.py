"""Bikes on Bluetooth Low Energy: the radio, the driver, and the calls to BlueZ."""
