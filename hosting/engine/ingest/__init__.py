"""Readings on their way into the series: columns, checks, and the binary COPY stream, all of it vectorised."""
