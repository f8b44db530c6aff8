"""Following contract events, and posts about them."""
