"""The verbs that talk to AWS: the certificate of a gateway, and failed telemetry."""
