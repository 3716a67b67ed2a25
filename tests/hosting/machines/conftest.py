"""Shared by the tests of machines."""

import os

import pytest


@pytest.fixture
def nightly() -> bool:
    """The long settings."""
    return os.environ.get("HASHINSIGHT_NIGHTLY") == "1"
