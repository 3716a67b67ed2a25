"""Every text a person is shown can be translated."""

from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.utils.functional import Promise

from hashinsight.common.errors import DomainError
from tests.architecture import source, texts


def _subclasses(base: type) -> set[type]:
    return {base} | {leaf for child in base.__subclasses__() for leaf in _subclasses(child)}


# django-guardian's own columns, never shown.
GUARDIAN_ROWS = {"CustomerUserPermission", "CustomerGroupPermission"}


def _our_models() -> list[type[models.Model]]:
    ours = [model for model in apps.get_models() if model.__module__.split(".")[0] in source.PACKAGES]
    own = [model for model in ours if not model._meta.proxy and not model._meta.auto_created]
    return [m for m in own if not hasattr(m, "pgh_tracked_model") and m.__name__ not in GUARDIAN_ROWS]


def _is_lazy(value: Any) -> bool:
    return isinstance(value, Promise) or value in ("", None)


def test_python_texts_go_through_gettext() -> None:
    refusals = frozenset(cls.__name__ for cls in _subclasses(DomainError))
    found = [
        finding
        for path in source.product_files()
        for finding in texts.untranslated_source(source.relative(path), path.read_text("utf-8"), refusals)
    ]
    assert found == []


def test_template_texts_go_through_translate() -> None:
    found = [
        finding
        for path in sorted((source.ROOT / "templates").rglob("*.html"))
        for finding in texts.untranslated_template(source.relative(path), path.read_text("utf-8"))
    ]
    assert found == []


def test_model_names_fields_and_choices_are_lazy() -> None:
    found = []
    for model in _our_models():
        if not isinstance(model._meta.verbose_name, Promise):
            found.append(f"{model.__name__}: verbose_name")
        for field in model._meta.local_fields:
            if field.name not in ("id", "pk") and not isinstance(field.verbose_name, Promise):
                found.append(f"{model.__name__}.{field.name}: verbose_name")
            if not _is_lazy(field.help_text):
                found.append(f"{model.__name__}.{field.name}: help_text")
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "f = CharField(verbose_name='Name of it')\n",
        "f = CharField(help_text='Some help')\n",
        "raise LeadRefused('No way')\n",
        "raise LeadRefused(f'No {way}')\n",
        "messages.success(request, 'Done it')\n",
        "@admin.action(permissions=['x'], description='Do it')\ndef f(): ...\n",
    ],
)
def test_a_planted_bare_text_is_found(text: str) -> None:
    assert texts.untranslated_source("crm/admin/planted.py", text, frozenset({"LeadRefused"})) != []


@pytest.mark.parametrize(
    "text", ["<p>Hello there</p>", '<a title="Go on">{{ x }}</a>', "{% if x %}Yes{% endif %}", '<img alt="Logo">']
)
def test_a_planted_bare_template_text_is_found(text: str) -> None:
    assert texts.untranslated_template("planted.html", text) != []


def test_translated_texts_pass() -> None:
    good = '{% load i18n %}<p title="{% translate "Hello" %}">{% translate "Hello" %}: {{ name }}</p>'
    assert texts.untranslated_template("good.html", good) == []
    assert texts.untranslated_source("crm/good.py", "raise LeadRefused(_('No'))\n", frozenset({"LeadRefused"})) == []
