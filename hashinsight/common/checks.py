"""System checks of the base: set-ups that would weaken the wall are refused at start."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from hashinsight.common import guards
from hashinsight.common.scoping import CLIENT_ROLE, STAFF_ROLE


@register(Tags.database)
def check_database_roles(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The two group roles exist, and the login may take the client role."""
    if not databases:
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname IN (%s, %s)", [CLIENT_ROLE, STAFF_ROLE])
        found = {name for (name,) in cursor.fetchall()}
    return [
        Error(
            f"The database role {role} does not exist.",
            hint="Run `manage.py setup_database` with a login that may create roles.",
            id="hashinsight.E001",
        )
        for role in (STAFF_ROLE, CLIENT_ROLE)
        if role not in found
    ]


@register(Tags.database)
def check_guards(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """No session setting and no temporary table leads a trigger astray. An empty database has none."""
    if not databases:
        return []
    found = guards.open_functions()
    if not found:
        return []
    return [
        Error(
            f"A session could silence {len(found)} trigger functions, first {found[0]}.",
            hint="Run `manage.py migrate` with the login that owns the tables; it sets them right at its end.",
            id="hashinsight.E004",
        )
    ]


@register(Tags.database)
def check_history(app_configs: Any = None, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Only the triggers write history. An empty database has none; where one login does all, it owns the tables."""
    if not databases:
        return []
    found = guards.open_history()
    if not found:
        return []
    return [
        Error(
            f"The application could write {len(found)} parts of the history by hand, first {found[0]}.",
            hint="Run `manage.py migrate` with the login that owns the tables; it sets them right at its end.",
            id="hashinsight.E005",
        )
    ]


@register(Tags.security)
def check_secrets(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The pepper of the API keys is a secret of its own."""
    if settings.API_KEY_PEPPER == settings.SECRET_KEY:
        return [
            Error(
                "API_KEY_PEPPER equals SECRET_KEY.",
                hint="Set a secret of its own, so that one can be changed without the other.",
                id="hashinsight.E002",
            )
        ]
    return []


@register(Tags.models)
def check_versions(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """A model with a ``version`` has the trigger that counts it."""
    return [
        Error(
            f"{model._meta.label} has a version column but no trigger.",
            hint="Decorate it with @tracked().",
            id="hashinsight.E003",
        )
        for model in apps.get_models()
        if any(field.name == "version" for field in model._meta.local_fields)
        and hasattr(model, "public_id")
        and not hasattr(model, "pgh_tracked_model")
        and not getattr(model, "append_only", False)  # there a version is a row of its own, not a count of changes
        and not any(trigger.name == "bump_version" for trigger in getattr(model._meta, "triggers", []))
    ]
