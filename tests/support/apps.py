"""Helpers of the suite as a Django app: a flush that may empty guarded tables."""

import os
from importlib import import_module

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """Only installed under the test settings."""

    name = "tests.support"
    label = "test_support"

    def ready(self) -> None:
        """A job of the tests' own, where a process is told to know it."""
        if os.environ.get("HASHINSIGHT_TEST_TICK"):
            import_module("tests.trust.ticking")
