"""Following contract events: delivery to plugins, and posts about them."""
