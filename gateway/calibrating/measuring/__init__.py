"""Measurements of a bike, and the conclusions from them. Pure: no I/O, no clock."""
