"""Countries as written on paper."""

import pytest

from crm.engine.countries import _TABLE
from crm.engine.country_names import _NAMES, country_name


@pytest.mark.parametrize(
    ("code", "language", "name"),
    [
        ("DE", "en", "Germany"),
        ("DE", "de", "Deutschland"),
        ("US", "de", "Vereinigte Staaten"),
        ("AX", "en", "Åland Islands"),
        ("at", "de-AT", "Österreich"),
        ("FR", "fr", "France"),
        ("XX", "de", "XX"),
        ("", "en", ""),
    ],
)
def test_a_code_is_named_in_the_language_asked_for(code: str, language: str, name: str) -> None:
    assert country_name(code, language) == name


def test_every_country_we_know_has_a_name_in_both_languages() -> None:
    assert set(_NAMES) == {row[:2] for row in _TABLE.strip().splitlines()}
    for code, names in _NAMES.items():
        assert set(names) == {"en", "de"}, code
        assert all(name == name.strip() and len(name) > 2 for name in names.values()), code
