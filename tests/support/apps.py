"""Helpers of the suite as a Django app: a flush that may empty guarded tables."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    """Only installed under the test settings."""

    name = "tests.support"
    label = "test_support"
