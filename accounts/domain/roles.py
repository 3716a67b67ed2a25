"""The shipped roles: groups in the database made to say what the written table says."""

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q

from accounts.role_table import ROLES, all_codenames


class UnknownPermissions(RuntimeError):
    """The role table names permissions that no model has: a mistake in code, or migrations have not run."""


def sync_roles() -> list[str]:
    """Give each shipped group exactly the permissions of the table; returns the names of those that changed.

    Safe to run at every start. Groups that people made themselves are left alone; who wants another cut of
    rights makes a group of their own.
    """
    permissions = _permissions_by_name()
    changed = []
    with transaction.atomic():
        for role in ROLES:
            group, created = Group.objects.get_or_create(name=role.name.value)
            wanted = {permissions[name] for name in role.permissions}
            held = set(group.permissions.values_list("pk", flat=True))
            if wanted != held:
                group.permissions.set(wanted)
            if created or wanted != held:
                changed.append(group.name)
    return changed


def _permissions_by_name() -> dict[str, int]:
    names = all_codenames()
    apps = {name.split(".")[0] for name in names}
    rows = Permission.objects.filter(Q(content_type__app_label__in=apps)).values_list(
        "content_type__app_label", "codename", "pk"
    )
    known = {f"{app}.{codename}": pk for app, codename, pk in rows}
    missing = sorted(names - set(known))
    if missing:
        raise UnknownPermissions(", ".join(missing))
    return known
