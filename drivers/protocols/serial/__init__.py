"""Protocols of bikes on a serial line."""
