"""The checks of `check`, one module per area. Each returns Findings and changes nothing."""
