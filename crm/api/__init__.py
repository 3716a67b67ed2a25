"""The crm app's part of the REST API."""
