"""Checks on text before it is published."""
