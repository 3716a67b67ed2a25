"""Preparing an installation: complete the first time, quick and quiet after that."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django_celery_beat.models import PeriodicTask
from pghistory import runtime

from accounts.enums import StaffRole
from hashinsight.common.audit import audit_context
from hashinsight.demo import preparation
from hashinsight.jobs.registry import periodic_jobs


@pytest.mark.django_db
def test_prepare_brings_roles_and_schedules_once(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    settings.WHITENOISE_USE_FINDERS = True
    first, second = io.StringIO(), io.StringIO()
    call_command("prepare", stdout=first)
    assert set(Group.objects.values_list("name", flat=True)) >= set(StaffRole.values)
    assert PeriodicTask.objects.filter(name__in=[job.name for job in periodic_jobs()]).count() == len(periodic_jobs())
    assert "Schedules added" in first.getvalue()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        call_command("prepare", stdout=second)
    assert second.getvalue() == ""
    assert not [one for one in queries if one["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert not (tmp_path / "static").exists()


@pytest.mark.django_db
def test_migrations_run_without_an_audit_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one, every statement gets parameters, and the per cent signs of a RAISE are taken for placeholders."""
    seen: list[bool] = []
    real = MigrationExecutor.migration_plan

    def watched(executor: MigrationExecutor, *args: Any, **kwargs: Any) -> Any:
        seen.append(hasattr(runtime._tracker, "value"))
        return real(executor, *args, **kwargs)

    monkeypatch.setattr(MigrationExecutor, "migration_plan", watched)
    call_command("prepare", stdout=io.StringIO())
    with audit_context(actor="system", source="control"), connection.cursor() as cursor:
        assert hasattr(runtime._tracker, "value")
        with pytest.raises(DatabaseError, match="placeholder"), transaction.atomic():
            cursor.execute("DO $$BEGIN RAISE 'a %', 1; END$$")
    assert seen == [False]


def test_static_files_are_collected_only_when_they_changed(settings: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "one.css").write_text("a {}")
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "static"
    settings.WHITENOISE_USE_FINDERS = False
    said: list[str] = []
    preparation.prepare_static_files(said.append)
    preparation.prepare_static_files(said.append)
    assert said == ["Collecting static files"]
    assert (tmp_path / "static" / "one.css").read_text() == "a {}"
    (source / "two.css").write_text("b {}")
    preparation.prepare_static_files(said.append)
    assert said == ["Collecting static files", "Collecting static files"]
    assert (tmp_path / "static" / "two.css").exists()
