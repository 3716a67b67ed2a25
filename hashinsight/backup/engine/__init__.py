"""Plain Python: files, rotation, sealing."""
