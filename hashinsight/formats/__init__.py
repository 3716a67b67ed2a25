"""How dates look and are typed on the pages: one style per language, the same in lists, forms and histories."""
