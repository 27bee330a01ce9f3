"""Is all there for a race? A file for each part; each gives Findings, and changes nothing."""
