"""`calibrate power`: the ride, the dialogue and its screen."""
