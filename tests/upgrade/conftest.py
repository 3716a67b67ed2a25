"""What the tests of updates share."""

from tests.trust.conftest import nightly  # noqa: F401  (a fixture)
