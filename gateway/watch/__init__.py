"""The readings of one bike, live."""
