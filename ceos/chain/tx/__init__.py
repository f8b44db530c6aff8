"""Transactions: policy, simulation, signing and sending, exactly once."""
