"""Texts of the libraries whose pages people see: what nobody says in the language yet, and one word for all.

Catalogues of the product come before those of libraries, so what stands in ours is what is shown.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import polib

SITE = Path(polib.__file__).parent
# Shown in the back office; only the first one ships no translation at all.
SHOWN = ("unfold", "django_celery_beat", "axes", "import_export")
# Pages of sign-in and account, which say "email" where the product says "e-mail".
SIGN_IN = ("allauth/account", "allauth/mfa", "allauth/templates/account", "allauth/templates/mfa")
_PROTECTED = re.compile(r"(%\(\w+\)s|<[^>]*>)")
_EMAIL = re.compile(r"\b([Ee])mail\b")


def files_of(libraries: tuple[str, ...]) -> Iterator[Path]:
    """Templates and Python files, without migrations and tests."""
    for library in libraries:
        folder = SITE / library
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".py", ".html", ".txt") and not {"migrations", "tests"} & set(path.parts):
                yield path


def place_of(path: Path) -> str:
    """Where a text stands, without the folder the library is installed in."""
    return path.relative_to(SITE).as_posix()


def said_already(language: str) -> set[tuple[str, str]]:
    """Context and text of everything that Django and the libraries themselves translate."""
    folders = [SITE / "django", SITE / "allauth", *(SITE / library for library in SHOWN)]
    said = set()
    for folder in folders:
        for path in folder.rglob(f"locale/{language}/LC_MESSAGES/django.mo"):
            said |= {(entry.msgctxt or "", entry.msgid) for entry in polib.mofile(str(path))}
    return said


def one_word(text: str) -> str:
    """``email`` as the product writes it; names of placeholders and addresses of links stay."""
    parts = _PROTECTED.split(text)
    return "".join(part if place % 2 else _EMAIL.sub(r"\1-mail", part) for place, part in enumerate(parts))
