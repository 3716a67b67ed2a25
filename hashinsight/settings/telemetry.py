"""How old a reading of a machine may be when it comes, and how far its clock may be ahead."""

from hashinsight.env import env_int

# Late readings reckon their five minutes, days and usage again; older ones are put aside and shown.
TELEMETRY_ACCEPTED_DAYS = env_int("TELEMETRY_ACCEPTED_DAYS", 45, minimum=1, maximum=366)
TELEMETRY_AHEAD_SECONDS = env_int("TELEMETRY_AHEAD_SECONDS", 600, minimum=1, maximum=3600)
