"""Health, figures, doctor."""
