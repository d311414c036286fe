"""Who hears what, and how it reaches them."""
