"""Leases of edge devices: the signed document, and what a device does with it, with the server and without."""
