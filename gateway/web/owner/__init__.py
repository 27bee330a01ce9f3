"""What the owner's page shows in addition to the status: words, the log, checks and bug reports."""
