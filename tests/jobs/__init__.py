"""Due work, runs, queue."""
