"""The demo company: a generator of our own, or the public sample files; and what runs before the product starts."""
