"""Bikes on ANT+, through a USB stick: the stick, its channels, the driver, the scan."""
