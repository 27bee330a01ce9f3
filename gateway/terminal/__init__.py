"""What every command shares on a terminal: units, keys, live output, findings."""
