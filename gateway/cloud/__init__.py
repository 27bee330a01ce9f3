"""Buffer → AWS IoT Core: chooses the next message, keeps the pace, and handles the answers."""
