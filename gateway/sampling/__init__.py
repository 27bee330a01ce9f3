"""Reading → Sample: one second of a bike, by its calibration."""
