"""The counts of casts and accounts, weekly scores, and learning from both."""
