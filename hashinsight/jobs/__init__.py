"""Work that must happen: rows that say so, runs of periodic jobs, and the thin bridge to Celery."""
