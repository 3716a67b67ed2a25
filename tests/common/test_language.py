"""Each test begins in the language of the settings, whatever the one before it spoke."""

import pytest
from django.utils import translation


@pytest.mark.parametrize("turn", [1, 2])
def test_the_language_of_another_test_is_forgotten(turn: int) -> None:
    assert translation.get_language() == "en"
    translation.activate("de")
