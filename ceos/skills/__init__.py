"""Third-party sources that run in the sandbox: manifest, loader, lock file, host and session."""
