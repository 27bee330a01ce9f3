"""The gateway: sends every second of every race from exercise bikes to AWS IoT Core.

1. drivers/             a driver opens the bike and decodes its Frames into Readings
2. bike/link.py         keeps the bike connected and passes each Reading on
3. sampling/sampler.py  turns the Readings of one second into a calibrated Sample
4. race/clock.py        ticks once a second with the race and the number of its second
5. bike/bike.py         combines both into a telemetry/message.py
6. bike/recorder.py     puts the message into the buffer; a telemetry/undated.py waits for its race
7. buffer/buffer.py     keeps it, on disk if needed, until the cloud has acknowledged it
8. cloud/publisher.py   decides which message is sent next and what an answer means
9. cloud/iot_core.py    sends it to AWS IoT Core

daemon.py wires these parts together; status/ reports on them; cli/ has a module for each command.
"""
