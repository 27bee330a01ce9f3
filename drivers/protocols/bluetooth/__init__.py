"""Protocols of bikes with a Bluetooth service or broadcast of their maker's own."""
