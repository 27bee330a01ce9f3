"""Reading → Sample: turns the Readings of one second into a calibrated Sample."""
