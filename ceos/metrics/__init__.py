"""Collecting the counts of casts and accounts, and what follows from them."""
