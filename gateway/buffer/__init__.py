"""Telemetry → disk: holds every message until the cloud has acknowledged it."""
