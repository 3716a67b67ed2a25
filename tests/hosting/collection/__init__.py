"""Reading machines by beat."""
