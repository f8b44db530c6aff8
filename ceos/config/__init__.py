"""Agent files and the reader of all TOML documents."""
