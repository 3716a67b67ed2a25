"""The page of a signed-in person is made of sections; other apps add theirs here without being imported."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

Builder = Callable[[HttpRequest], tuple[str, dict[str, Any]] | None]


@dataclass(frozen=True)
class _Section:
    order: int
    build: Builder


_sections: list[_Section] = []


def register_section(build: Builder, *, order: int = 50) -> None:
    """Add a section: ``build(request)`` returns a template and its context, or None to stay away.

    Called from ``ready()``. Small ``order`` comes first; the built-in ones have 10 (profile), 60 (keys), 70
    (sign-ins).
    """
    if all(known.build is not build for known in _sections):
        _sections.append(_Section(order, build))
        _sections.sort(key=lambda section: section.order)


def rendered_sections(request: HttpRequest) -> list[SafeString]:
    """The HTML of every section that has something to say to this person."""
    built = (section.build(request) for section in _sections)
    return [render_to_string(found[0], found[1], request) for found in built if found is not None]
