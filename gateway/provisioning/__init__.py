"""A certificate for this gateway, by an AWS IoT claim."""
