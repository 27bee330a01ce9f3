"""The command `calibrate`: one module per verb."""
