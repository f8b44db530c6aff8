"""`ceos demo`: the main job against the simulator."""
