"""Identity and reputation of agents on chain (ERC-8004)."""
