"""A fleet of fake racers: each a thing of its own with its own connection, all in one process.

plan → racers (fake ride → Sampler → Telemetry) → stations (Buffer → Publisher → IotCore) → cloud
"""
