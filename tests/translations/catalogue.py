"""The catalogue of texts: found in the source by reading it (no xgettext needed), kept in locale/, compiled.

``python -m tests.translations.catalogue`` writes new texts into each catalogue, drops those that are gone, and
compiles. Translations are written by people into the ``.po`` files.
"""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib

from tests.architecture.source import ROOT, product_files, relative
from tests.translations import libraries

LANGUAGES = ("de",)
_SINGULAR = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_CONTEXT = {"pgettext", "pgettext_lazy"}
_PLURAL_CONTEXT = {"npgettext", "npgettext_lazy"}


@dataclass(frozen=True)
class Text:
    """One text of the source."""

    singular: str
    plural: str = ""
    context: str = ""


def texts_of_python(source: str) -> Iterator[tuple[Text, int]]:
    """Texts that gettext functions are called with, and their lines. A call without a literal is a mistake."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        literals = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if name in _SINGULAR and literals:
            yield Text(literals[0]), node.lineno
        elif name in _PLURAL and len(literals) >= 2:
            yield Text(literals[0], plural=literals[1]), node.lineno
        elif name in _CONTEXT and len(literals) >= 2:
            yield Text(literals[1], context=literals[0]), node.lineno
        elif name in _PLURAL_CONTEXT and len(literals) >= 3:
            yield Text(literals[1], plural=literals[2], context=literals[0]), node.lineno


_TRANSLATE = re.compile(r"{%-?\s*trans(?:late)?\s+(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')([^%]*)%}")
_FILTERED = re.compile(r"_\((\"[^\"]*\"|'[^']*')\)")
_BLOCK = re.compile(
    r"{%-?\s*blocktrans(?:late)?\b([^%]*)%}(.*?)(?:{%-?\s*plural\s*%}(.*?))?{%-?\s*endblocktrans(?:late)?\s*%}", re.S
)
_VARIABLE = re.compile(r"{{\s*(\w+)(?:\|[^}]*)?\s*}}")


def texts_of_template(source: str) -> Iterator[tuple[Text, int]]:
    """Texts of ``translate`` and ``blocktranslate`` tags as Django asks the catalogue for them."""
    for match in _TRANSLATE.finditer(source):
        context = re.search(r"context\s+[\"']([^\"']*)[\"']", match[2])
        yield Text(ast.literal_eval(match[1]), context=context[1] if context else ""), _line(source, match)
    for match in _FILTERED.finditer(source):
        yield Text(ast.literal_eval(match[1])), _line(source, match)
    for match in _BLOCK.finditer(source):
        trimmed = "trimmed" in match[1].split()
        context = re.search(r"context\s+[\"']([^\"']*)[\"']", match[1])
        yield (
            Text(_block(match[2], trimmed), _block(match[3] or "", trimmed), context[1] if context else ""),
            _line(source, match),
        )


def _block(body: str, trimmed: bool) -> str:
    text = _VARIABLE.sub(r"%(\1)s", body.replace("%", "%%"))
    return " ".join(line.strip() for line in text.splitlines() if line.strip()) if trimmed else text


def _line(source: str, match: re.Match[str]) -> int:
    return source.count("\n", 0, match.start()) + 1


def all_texts() -> dict[Text, list[tuple[str, str]]]:
    """Every text of the product with the places it stands in."""
    found: dict[Text, list[tuple[str, str]]] = {}
    for path in product_files():
        if path.parent.name != "migrations" and "devtools" not in path.parts:
            for text, _line_number in texts_of_python(path.read_text("utf-8")):
                found.setdefault(text, []).append((relative(path), ""))
    for folder in (ROOT / "templates", ROOT / "hashinsight"):
        for path in sorted(folder.rglob("*.html")) + sorted(folder.rglob("*.txt")):
            for text, _line_number in texts_of_template(path.read_text("utf-8")):
                found.setdefault(text, []).append((relative(path), ""))
    return found


def library_texts(folders: tuple[str, ...]) -> dict[Text, list[tuple[str, str]]]:
    """Every text of these folders of libraries, with the files it stands in."""
    found: dict[Text, list[tuple[str, str]]] = {}
    for path in libraries.files_of(folders):
        read = texts_of_python if path.suffix == ".py" else texts_of_template
        for text, _line_number in read(path.read_text("utf-8")):
            found.setdefault(text, []).append((libraries.place_of(path), ""))
    return found


def wanted(language: str) -> dict[Text, list[tuple[str, str]]]:
    """What a catalogue of ours must hold: the product's texts, and those of libraries that nobody else translates."""
    found = all_texts()
    said = libraries.said_already(language)
    for text, places in library_texts(libraries.SHOWN).items():
        if text in found or (text.context, text.singular) not in said:
            found[text] = [*found.get(text, []), *places]
    return found


def one_word_texts() -> dict[Text, str]:
    """Texts of the sign-in pages whose only flaw is another spelling of a word of ours, and what they should say."""
    texts = library_texts(libraries.SIGN_IN)
    changed = {text: libraries.one_word(text.singular) for text in texts if not text.plural}
    return {text: better for text, better in changed.items() if better != text.singular}


def catalogue_path(language: str) -> Path:
    """The catalogue of a language."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def key_of(entry: polib.POEntry) -> Text:
    """The text an entry translates."""
    return Text(entry.msgid, entry.msgid_plural or "", entry.msgctxt or "")


def update(language: str) -> polib.POFile:
    """Bring one catalogue up to date with the source; translations stay."""
    path = catalogue_path(language)
    known = {key_of(entry): entry for entry in polib.pofile(str(path))} if path.exists() else {}
    catalogue = _empty(language)
    for text, places in sorted(wanted(language).items(), key=lambda item: (item[1][0], item[0].singular)):
        old = known.get(text)
        entry = polib.POEntry(msgid=text.singular, occurrences=sorted(set(places)))
        if text.context:
            entry.msgctxt = text.context
        if text.plural:
            entry.msgid_plural = text.plural
            entry.msgstr_plural = old.msgstr_plural if old else {0: "", 1: ""}
        else:
            entry.msgstr = old.msgstr if old else ""
        if re.search(r"%\(\w+\)s", text.singular):
            entry.flags.append("python-format")
        catalogue.append(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(path))
    compile_catalogue(language)
    return catalogue


def update_english() -> polib.POFile:
    """The English catalogue holds nothing but other people's sentences with our spelling of one word."""
    catalogue = _empty("en")
    for text, better in sorted(one_word_texts().items(), key=lambda item: (item[0].singular, item[0].context)):
        entry = polib.POEntry(msgid=text.singular, msgstr=better, msgctxt=text.context or None)
        if re.search(r"%\(\w+\)s", text.singular):
            entry.flags.append("python-format")
        catalogue.append(entry)
    path = catalogue_path("en")
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(path))
    compile_catalogue("en")
    return catalogue


def _empty(language: str) -> polib.POFile:
    catalogue = polib.POFile(wrapwidth=110)
    catalogue.metadata = {
        "Project-Id-Version": "HashInsight",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    return catalogue


def compile_catalogue(language: str) -> None:
    """Write the ``.mo`` that Django reads."""
    path = catalogue_path(language)
    temporary = path.with_suffix(".mo.new")
    polib.pofile(str(path)).save_as_mofile(str(temporary))
    os.replace(temporary, path.with_suffix(".mo"))


if __name__ == "__main__":
    print(f"en: {len(update_english())} texts with another word")
    for one in LANGUAGES:
        result = update(one)
        print(f"{one}: {len(result)} texts, {len(result.untranslated_entries())} without a translation")
