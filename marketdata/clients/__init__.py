"""One file per market service: which calls it has, and what their answers mean."""
