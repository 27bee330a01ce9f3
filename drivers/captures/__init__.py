"""Captures, the recordings of a bike's bytes: their format, recording and replay."""
