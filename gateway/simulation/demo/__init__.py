"""Whole gateways, racing through a network that can be cut."""
