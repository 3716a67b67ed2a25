"""Each way a file can come in is an ``UploadField``, which checks it; a new one without it is found here."""

import ast
from collections.abc import Iterator

import pytest
from django import forms
from django.urls import get_resolver
from rest_framework.settings import api_settings

from hashinsight.common.uploads import UploadField
from tests.architecture.source import product_files, relative

# Fields, parsers and doors that take a file as it comes.
UNCHECKED = frozenset(
    {"FileField", "ImageField", "FilePathField", "MultipleFileField", "FILES", "MultiPartParser", "FileUploadParser"}
)
# The field itself, and pages that hand the files of a request to a form.
KNOWN = {
    "hashinsight/common/uploads.py": {"FileField"},
    "hashinsight/common/admin/base.py": {"FILES"},
    "hashinsight/common/admin/confirm.py": {"FILES"},
    "hashinsight/common/admin/importing.py": {"FILES"},
}


def doors(name: str, text: str) -> list[str]:
    """Where a file could come in unchecked."""
    allowed = KNOWN.get(name, set())
    return [
        f"{name}:{node.lineno} {word}"
        for node in ast.walk(ast.parse(text))
        for word in _words(node)
        if word in UNCHECKED - allowed
    ]


def _words(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [node.attr]
    if isinstance(node, ast.Name):
        return [node.id]
    return [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []


def test_no_file_comes_in_by_another_door() -> None:
    found = [door for path in product_files() for door in doors(relative(path), path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "x = forms.FileField()", "x = models.ImageField(upload_to='x')", "request.FILES['x'].read()",
        "from rest_framework.parsers import MultiPartParser", "x = serializers.FileField()",
    ],
)  # fmt: skip
def test_a_planted_door_is_found(planted: str) -> None:
    (found,) = doors("crm/api/views/planted.py", planted)
    assert found.startswith("crm/api/views/planted.py:1 ")


def forms_below(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from forms_below(one)


def test_every_form_that_takes_a_file_checks_it() -> None:
    assert get_resolver().url_patterns  # everything the site serves is loaded
    ours = ("hashinsight", "accounts", "crm", "marketdata", "hosting", "curtailment", "intelligence")
    taking = {
        f"{form.__module__}.{form.__qualname__}.{name}": type(field)
        for form in forms_below(forms.BaseForm)
        if form.__module__.split(".")[0] in ours
        for name, field in getattr(form, "base_fields", {}).items()
        if isinstance(field, forms.FileField)
    }
    assert {name for name, kind in taking.items() if kind is not UploadField} == set()
    assert {
        "hashinsight.common.admin.importing.UploadForm.file",
        "crm.forms.legal_entity.LegalEntityForm.new_logo",
    } <= set(taking)


def test_the_api_reads_no_files() -> None:
    assert [parser.media_type for parser in api_settings.DEFAULT_PARSER_CLASSES] == ["application/json"]
