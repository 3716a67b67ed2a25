"""What pages of the intelligence app ask for."""
