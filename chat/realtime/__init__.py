"""Who may see which event, and how it reaches them."""
