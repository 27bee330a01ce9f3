"""The views of a resistance calibration."""
