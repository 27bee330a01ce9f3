"""Which race is on, which second of it, who rides it, and the commands that change it."""
