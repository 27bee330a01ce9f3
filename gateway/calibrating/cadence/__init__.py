"""The check of a cadence sensor."""
