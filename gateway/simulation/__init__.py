"""Test tools: the cloud on one machine, the demo, the fleet. Never imported by the daemon."""
