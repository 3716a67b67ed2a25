"""The collector looks at what tests left behind, not at the whole product and all tests again and again.

A plugin (see ``addopts``), so that it begins before anything of the product is imported.
"""

import gc
from collections.abc import Iterator

import pytest

YOUNG = 20_000  # objects made since the last look
YOUNG_LOOKS = 50  # before those that survived one are looked at as well
EVERY = 50  # tests
NEVER = 1_000_000

gc.disable()  # until the tests begin: what importing and collecting them makes stays
_tests_run = 0


def _keep_what_lives() -> None:
    gc.collect()
    gc.freeze()


def pytest_collection_finish() -> None:
    """From here on the young are looked at as ever; the old ones between two tests, once each."""
    _keep_what_lives()
    gc.set_threshold(YOUNG, YOUNG_LOOKS, NEVER)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Iterator[None]:
    """Pages, templates and address tables appear with the first test that needs them, and stay as well."""
    global _tests_run
    _tests_run += 1
    if _tests_run % EVERY == 0:
        _keep_what_lives()
    return (yield)
