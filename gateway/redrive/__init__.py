"""Redrive: puts the telemetry that the IoT rule could not store into the stream."""
