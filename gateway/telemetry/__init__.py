"""Sample → Telemetry: turns a Sample into the message on the wire."""
