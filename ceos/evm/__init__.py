"""A client and an ABI library for EVM chains; it knows nothing of agents."""
