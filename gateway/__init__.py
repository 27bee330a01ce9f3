"""The gateway: from a bike's Readings to acknowledged race telemetry."""
