"""Buying and selling over HTTP with x402."""
