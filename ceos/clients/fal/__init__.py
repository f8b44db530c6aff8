"""The client of fal.ai."""
