"""Whatever happens to the files: the import is complete, or nothing has changed and a place is named."""

import random
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.domain.pipeline_import import ImportWish, PipelineRefused, import_pipeline
from crm.engine.pipeline_files import COLUMNS, read_pipeline
from crm.models import Customer, Deal, Lead, Product
from tests import factories
from tests.crm.import_files import ACCOUNTS, PIPELINE, PRODUCTS, TEAMS, Files

CONTENTS = {"teams": TEAMS, "products": PRODUCTS, "accounts": ACCOUNTS, "pipeline": PIPELINE}
SNIPPETS = [
    b"", b",", b"\n", b'"', b'""', b"\r", b"\x00", b"\xff", b"\xe4", b"-", b"-1", b"NaN", b"Won", b"Lost", b"0", b"9",
    b" ", b"2017-02-29", b"GTXPro", b"\xef\xbb\xbf", "😀".encode(), "ß".encode(), b"=1+1", b"'; --", b"\t", b"1e9",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> Files:
    """One of the files with a piece replaced, repeated, cut or swapped."""
    name = draw(st.sampled_from(sorted(CONTENTS)))
    content = CONTENTS[name]
    start = draw(st.integers(0, len(content)))
    length = draw(st.sampled_from([0, 0, 1, 2, 8, 40]))
    kind = draw(st.sampled_from(["replace", "replace", "cut", "lines", "repeat"]))
    if kind == "replace":
        content = content[:start] + draw(st.sampled_from(SNIPPETS)) + content[start + length :]
    elif kind == "cut":
        content = content[:start]
    elif kind == "repeat":
        content = content[: start + length] + content[start:]
    else:
        lines = content.splitlines(keepends=True)
        random.Random(start).shuffle(lines)
        content = b"".join(lines)
    return Files(**{name: content}, packed=draw(st.booleans()))


def wrong_places(files: Files, folder: Path) -> list[str]:
    """What is unclear about the errors found: each must name a file, a line in it, and a column of it."""
    pipeline = read_pipeline(files.write(folder))
    columns = {word for names in COLUMNS.values() for word in names}
    return [
        str(one)
        for one in pipeline.errors
        if not (one.line >= 1 and one.message and (one.column in columns or one.column.startswith("number ")))
    ]


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=mutated())
def test_reading_never_fails_and_always_names_the_place(tmp_path_factory: Any, files: Files) -> None:
    assert wrong_places(files, tmp_path_factory.mktemp("files")) == []


@pytest.mark.django_db
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=mutated())
def test_a_mutated_file_is_imported_completely_or_not_at_all(tmp_path_factory: Any, files: Files) -> None:
    pipeline = read_pipeline(files.write(tmp_path_factory.mktemp("files")))
    expected = [len(pipeline.products), len(pipeline.accounts), len(pipeline.opportunities)]
    with transaction.atomic():
        try:
            import_pipeline(pipeline, ImportWish(at=factories.NOW))
        except PipelineRefused:
            expected = [0, 0, 0]
        stored = [Product.objects.count(), Customer.objects.count(), Deal.objects.count() + Lead.objects.count()]
        transaction.set_rollback(True)
    assert stored == expected
