"""Clients of the outside services. They speak ceos's language and raise ceos's errors."""
