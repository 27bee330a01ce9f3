"""The dialogue that checks a cadence sensor."""
