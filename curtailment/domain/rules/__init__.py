"""Rules that act: strike prices and peaks, evaluated, kept and replayed."""
