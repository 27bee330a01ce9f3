"""Scanning for bikes, and the dialogue that writes the config."""
