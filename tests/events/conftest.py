"""What the tests of the events share."""

from tests.admin.conftest import sign_in, staff  # noqa: F401  (fixtures)
from tests.trust.conftest import nightly  # noqa: F401  (a fixture)
