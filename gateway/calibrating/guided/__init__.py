"""The dialogue with the user who turns the resistance knob."""
