"""Market data for programs: the same for whoever is signed in."""
