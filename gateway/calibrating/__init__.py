"""Calibration of a bike: sessions with and without the daemon, measurements, and views."""
