"""The gateway: from an exercise bike to AWS IoT Core, every second of every race.

1. drivers/             a driver opens the bike and decodes its Frames into Readings
2. bike/link.py         keeps the bike connected, and hands each Reading on
3. sampling/sampler.py  turns the Readings of one second into a Sample, by the bike's calibration
4. race/clock.py        ticks once a second: which race, which second of it
5. bike/bike.py         puts both together into a telemetry/message.py
6. bike/recorder.py     puts the message into the buffer; a telemetry/undated.py waits for its race
7. buffer/buffer.py     holds it, on disk if need be, until the cloud has acknowledged it
8. cloud/publisher.py   decides what is sent next, and what an answer means
9. cloud/iot_core.py    carries it to AWS IoT Core

daemon.py wires all of it; status/ shows it; cli/ has a module for each command.
"""
