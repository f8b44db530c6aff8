"""`chain.toml`: its tables, how it is read, and the contracts it names."""
