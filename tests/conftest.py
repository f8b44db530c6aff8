"""What all tests share; the fixtures themselves are public, in `ceos.testing`."""

pytest_plugins = ["ceos.testing", "helpers.evm"]
