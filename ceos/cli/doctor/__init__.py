"""`ceos doctor`: the checks of an installation."""
