"""One bike, which combines a link, a sampler and a race clock; and the set of all bikes."""
