"""Writing and publishing the text of a post."""
