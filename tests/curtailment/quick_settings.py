"""The suite's settings for a server process: a device of a test asks more often than a real one."""

from hashinsight.settings.test import *  # noqa: F403  (all of them)
from hashinsight.settings.test import REST_FRAMEWORK

REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": {**REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "edge": "100000/min"},
}
