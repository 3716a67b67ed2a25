"""The REST API of the hosting part."""
