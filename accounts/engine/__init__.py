"""Plain Python: reading what browsers and wallets send."""
