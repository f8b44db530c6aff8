"""The client of OpenRouter."""
