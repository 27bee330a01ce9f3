"""The clock, and what is counted by it."""
