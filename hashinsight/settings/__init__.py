"""Settings: ``local`` for ./dev run, ``test`` for the suite, ``production`` for a server."""
