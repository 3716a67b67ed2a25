"""German is complete, fits its placeholders, and is what Django reads."""

import re

import polib
import pytest

from tests.translations import catalogue
from tests.translations.catalogue import Text

_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%")


def _entries(language: str) -> dict[Text, polib.POEntry]:
    return {catalogue.key_of(entry): entry for entry in polib.pofile(str(catalogue.catalogue_path(language)))}


def _translations(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def _fits(text: Text, translation: str) -> bool:
    """A singular keeps every placeholder as often; a plural form may leave the number out but invents none."""
    used, offered = _PLACEHOLDER.findall(translation), _PLACEHOLDER.findall(text.singular)
    if text.plural:
        return set(used) <= set(offered) | set(_PLACEHOLDER.findall(text.plural))
    return sorted(used) == sorted(offered)


def test_a_lost_placeholder_is_found() -> None:
    assert not _fits(Text("%(count)s leads"), "Leads")
    assert _fits(Text("%(count)s leads"), "%(count)s Leads")


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_every_text_of_the_source_is_translated(language: str) -> None:
    entries = _entries(language)
    missing = [t.singular for t in catalogue.wanted(language) if t not in entries or not all(_translations(entries[t]))]
    assert missing == []


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_nothing_is_left_that_the_source_no_longer_has(language: str) -> None:
    known = catalogue.wanted(language)
    assert [text.singular for text in _entries(language) if text not in known] == []


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_placeholders_of_translations_fit(language: str) -> None:
    wrong = [
        text.singular
        for text, entry in _entries(language).items()
        for translation in filter(None, _translations(entry))
        if not _fits(text, translation)
    ]
    assert wrong == []


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_the_compiled_catalogue_is_that_of_the_source(language: str) -> None:
    path = catalogue.catalogue_path(language)
    compiled = {(e.msgctxt, e.msgid): _translations(e) for e in polib.mofile(str(path.with_suffix(".mo")))}
    written = {(e.msgctxt, e.msgid): _translations(e) for e in polib.pofile(str(path)) if all(_translations(e))}
    assert compiled == written


def test_texts_are_found_in_python_and_templates() -> None:
    python = 'x = _("One")\ny = ngettext("a", "b", 2)\nz = pgettext("c", "d")\n'
    template = '{% translate "Two" %}{% blocktranslate trimmed with n=x %}\n Three {{ n }}\n{% endblocktranslate %}'
    assert {text for text, _line in catalogue.texts_of_python(python)} == {
        Text("One"),
        Text("a", plural="b"),
        Text("d", context="c"),
    }
    assert {text for text, _line in catalogue.texts_of_template(template)} == {Text("Two"), Text("Three %(n)s")}


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_no_text_stands_there_twice_once_with_a_plural_and_once_without(language: str) -> None:
    """A compiled catalogue keeps one of them, and nobody can say which."""
    plain = {(text.context, text.singular) for text in catalogue.wanted(language) if not text.plural}
    assert [t.singular for t in catalogue.wanted(language) if t.plural and (t.context, t.singular) in plain] == []
