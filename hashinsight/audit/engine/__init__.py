"""Plain Python: hashes and signatures."""
