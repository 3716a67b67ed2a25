"""A real broker, as the tests of jobs have it."""

from tests.jobs.conftest import broker_url
from tests.support.brokers import pytest_generate_tests

__all__ = ["broker_url", "pytest_generate_tests"]
