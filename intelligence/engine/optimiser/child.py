"""The process in which HiGHS runs: ``python -m intelligence.engine.optimiser.child``."""

from intelligence.engine.optimiser.highs import serve

if __name__ == "__main__":
    serve()
