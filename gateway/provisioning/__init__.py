"""Provisioning of this gateway's certificate with an AWS IoT claim certificate."""
