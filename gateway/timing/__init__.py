"""The clock, and the rates, pauses and heartbeats that depend on it."""
