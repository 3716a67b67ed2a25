"""One file per outside system: fetch and parse, no models."""
