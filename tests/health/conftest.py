"""A real broker, as the tests of jobs have it."""

from tests.jobs.conftest import broker_url

__all__ = ["broker_url"]
