"""The Python half of ``./dev``: embedded servers, supervisor, tests, checks. Imports no Django."""
