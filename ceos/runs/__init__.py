"""The durable record of one piece of work: its ledger, its budget and its place in the agent's hour."""
