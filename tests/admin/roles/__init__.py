"""The matrix of roles: every surface of the back office times every shipped role, against the written table."""
