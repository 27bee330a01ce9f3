"""Races: which one is in progress, its seconds, its racer, and the commands that change it."""
