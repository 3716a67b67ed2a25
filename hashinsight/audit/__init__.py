"""The history, sealed in batches that one can verify."""
