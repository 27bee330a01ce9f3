"""Complete gateways that race over a network that can be cut."""
