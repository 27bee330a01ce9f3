"""Recordings of what a bike sent: their format, how they are made and played."""
