"""Finding bikes, and writing a first config."""
