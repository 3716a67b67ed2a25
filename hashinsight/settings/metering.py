"""From readings to kilowatt-hours: how long late readings are waited for, and when an interval counts as measured."""

from decimal import Decimal

from hashinsight.env import env_int

# Five minutes are reckoned so long after their end; what comes later is reckoned again.
HOSTING_ROLLUP_GRACE_SECONDS = env_int("HOSTING_ROLLUP_GRACE_SECONDS", 60, minimum=0, maximum=3600)
# So is a quarter-hour: its last five minutes must have been reckoned first.
HOSTING_USAGE_GRACE_SECONDS = env_int("HOSTING_USAGE_GRACE_SECONDS", 240, minimum=0, maximum=7200)
# A quarter-hour of which so much was read (per cent of machines times five minutes) is measured.
HOSTING_COVERAGE_PERCENT = env_int("HOSTING_COVERAGE_PERCENT", 95, minimum=1, maximum=100)
HOSTING_COVERAGE = Decimal(HOSTING_COVERAGE_PERCENT) / 100
# Partitions of the time series are there so many days before their time.
HOSTING_PARTITIONS_AHEAD_DAYS = env_int("HOSTING_PARTITIONS_AHEAD_DAYS", 14, minimum=2, maximum=60)
