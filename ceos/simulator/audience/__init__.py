"""Simulated people who react to what accounts publish."""
