"""Test tools: the local cloud, the demo and the fleet. The daemon never imports them."""
