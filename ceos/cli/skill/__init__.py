"""`ceos skill`: writing, checking, allowing and trying skills."""
