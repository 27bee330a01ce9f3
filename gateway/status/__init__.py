"""The state of the gateway as one snapshot, and the ways it is shown and served."""
