"""The simulated fal.ai."""
