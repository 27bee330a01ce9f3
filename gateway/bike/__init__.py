"""One bike: its link, its sampler and its race clock put together; and all bikes."""
