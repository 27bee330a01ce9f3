"""A fleet of fake racers in one process; each is a separate thing with its own connection.

plan → racers (fake ride → Sampler → Telemetry) → stations (Buffer → Publisher → IotCore) → cloud
"""
