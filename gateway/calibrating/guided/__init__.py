"""The dialogue with the person at the resistance knob."""
