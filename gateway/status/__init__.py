"""The state of the gateway as one snapshot, and the ways in which it is shown and served."""
