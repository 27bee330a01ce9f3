"""Buffer → AWS IoT Core: what is sent next, how fast, and what an answer means."""
