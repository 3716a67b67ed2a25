"""Files that accounting programs read: written here from plain values, with no knowledge of the database."""
