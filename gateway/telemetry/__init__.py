"""Sample → Telemetry: the message on the wire."""
