"""Reading agent files and other TOML documents, with clear messages."""
