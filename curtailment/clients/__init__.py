"""Outside systems of curtailment: fetch and parse, no models."""
