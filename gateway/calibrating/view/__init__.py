"""Everything drawn of a resistance calibration."""
