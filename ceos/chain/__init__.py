"""Everything about Base: what is signed and why, what is followed, who an agent is there, and what is paid.

Nothing here is loaded before an operator asks for it: web3 alone costs a second and 60 MB. `chain.py` wires the parts.
"""
