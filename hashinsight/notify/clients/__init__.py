"""How messages leave the house: one file per way, plain values in, what the other side said out."""
