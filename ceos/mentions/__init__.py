"""Reading mentions, deciding about them and answering them."""
