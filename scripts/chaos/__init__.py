"""The fault injection that `scripts/chaos.py` runs."""
