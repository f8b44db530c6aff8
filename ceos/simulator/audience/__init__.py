"""Simulated users who react to casts of accounts."""
