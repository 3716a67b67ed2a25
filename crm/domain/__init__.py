"""Every write of the commercial truth is a function here."""
