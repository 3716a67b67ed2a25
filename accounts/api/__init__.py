"""The accounts app's part of the REST API."""
