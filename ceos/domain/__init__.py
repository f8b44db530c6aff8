"""The vocabulary of ceos as plain data: agents, posts, runs, mentions, and the pure rules about them."""
