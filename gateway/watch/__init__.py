"""The live display of the Readings of one bike."""
