"""The optimiser."""

from hashinsight.env import env_int

# Seconds the optimiser may take for a day of a site; when they are over it gives the best plan it has, labelled.
SCHEDULE_SECONDS = env_int("SCHEDULE_SECONDS", 60, minimum=5, maximum=180)
