"""Documents on paper: plain data in, HTML and PDF bytes out. Nothing here reads the database or the clock."""
