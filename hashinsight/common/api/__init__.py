"""The base of the REST API: what every resource shares, so that a view says only what is its own."""
