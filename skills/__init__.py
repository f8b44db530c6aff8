"""First-party skills; each will be a folder here with a manifest and its source."""
