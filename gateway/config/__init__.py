"""The TOML file: its schema, its problems, its editing, its reload."""
