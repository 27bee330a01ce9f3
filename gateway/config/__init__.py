"""The TOML config file: schema, problems, editing and reload."""
