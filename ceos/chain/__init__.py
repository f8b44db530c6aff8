"""The use of Base by agents: transactions and their policy, events, identities and payments.

Loaded only when `chain.toml` is used, because web3 alone costs a second and 60 MB. `wiring.py` connects the parts.
"""
