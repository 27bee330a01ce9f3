"""Terminal input and output that commands share: units, keys, live output, findings."""
