"""T8: what each shipped role finds open in the back office is what the written table says, and nothing else."""

import os
import random
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import transaction

from accounts.domain.roles import sync_roles
from accounts.domain.users import set_groups
from accounts.models import User
from accounts.role_table import ROLES, Role, roles_by_name
from tests import factories
from tests.admin.roles.scene import build_scene
from tests.admin.roles.surfaces import Cell, Permissions, cells
from tests.factories import NOW
from tests.support.standing import settle

NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
SEED = 20261120
SAMPLE = 90  # of about 450 cells per role in an ordinary run, all of them in a nightly one
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def standing(django_db_setup: None, django_db_blocker: Any) -> Iterator[Mapping[str, Any]]:
    """One row of every table, standing for all tests of this file; each takes back what it does to them."""
    with django_db_blocker.unblock(), transaction.atomic():
        root = factories.UserFactory(email="root@hashinsight.example", name="Root", is_staff=True, is_superuser=True)
        rows = {"root": root, **build_scene(root)}
        settle()  # once; else each test would at its end
        with django_db_blocker.block():
            yield rows
        transaction.set_rollback(True)


@pytest.fixture
def scene(standing: Mapping[str, Any], db: None) -> Mapping[str, Any]:
    """The rows as they are at the beginning of each test."""
    return deepcopy({label: row for label, row in standing.items() if label != "root"})


@pytest.fixture
def root(standing: Mapping[str, Any], db: None) -> User:
    """Who made them."""
    return User.objects.get(pk=standing["root"].pk)


def holder(role: Role, root: User) -> User:
    user = set_groups(factories.UserFactory(), groups=[role.name.value], by=root, at=NOW)
    return User.objects.get(pk=user.pk)


def deviations(user: User, held: Permissions, chosen: list[Cell]) -> list[str]:
    """Cells that are open although the table says no, or shut although it says yes."""
    found = []
    for cell in chosen:
        with transaction.atomic():
            is_open = cell.opens(user)
            transaction.set_rollback(True)
        if is_open != cell.allowed(held):
            found.append(f"{cell.label} is {'open' if is_open else 'shut'}")
    return found


def chosen(every: list[Cell], role: str) -> list[Cell]:
    if NIGHTLY:
        return every
    print(f"seed {SEED} {role}")
    return random.Random(f"{SEED}{role}").sample(every, min(SAMPLE, len(every)))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name.value)
def test_a_role_finds_open_what_its_table_says(role: Role, root: User, scene: Mapping[str, Any]) -> None:
    sync_roles()
    every = cells(scene)
    assert deviations(holder(role, root), role.permissions, chosen(every, role.name.value)) == []


@pytest.mark.parametrize(
    ("extra", "opened"),
    [
        ("crm.issue_invoice", {"crm.invoice: page issue", "crm.invoice: action issue_selected"}),
        ("crm.add_payment", {"crm.invoice: page pay", "crm.invoice: page pay by POST"}),
        ("crm.delete_customer", {"crm.customer: delete", "crm.customer: action delete_selected"}),
        ("crm.export_payment", {"crm.payment: export csv", "crm.payment: export xlsx"}),
        ("accounts.view_apikey", {"accounts.apikey: list", "accounts.apikey: history"}),
        ("jobs.retry_duework", {"jobs.duework: page retry", "jobs.duework: action retry_selected"}),
        ("auth.view_group", {"auth.group: list"}),
        ("axes.view_accessattempt", {"axes.accessattempt: list", "axes.accessattempt: history"}),
        ("mfa.view_authenticator", {"mfa.authenticator: list", "mfa.authenticator: look"}),
        ("account.view_emailaddress", {"account.emailaddress: list"}),
    ],
)
def test_control_one_extra_permission_is_found(
    extra: str, opened: set[str], root: User, scene: Mapping[str, Any]
) -> None:
    sync_roles()
    role = roles_by_name()["read-only"]
    user = holder(role, root)
    app, _, codename = extra.partition(".")
    user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    user = User.objects.get(pk=user.pk)
    near = [cell for cell in cells(scene) if cell.label.startswith(codename_models(extra))]
    found = deviations(user, role.permissions, near)
    assert found
    assert all(text.endswith(" is open") for text in found)
    labels = {text.removesuffix(" is open") for text in found}
    assert opened <= labels


def codename_models(extra: str) -> tuple[str, ...]:
    """Tables whose cells an extra permission may open; keeps the control short."""
    return {
        "crm.add_payment": ("crm.invoice:", "crm.payment:"),
        "crm.issue_invoice": ("crm.invoice:",),
        "jobs.retry_duework": ("jobs.duework:",),
    }.get(extra, (f"{extra.split('.')[0]}.{extra.rpartition('_')[2]}:",))


def test_control_a_missing_permission_is_found(root: User, scene: Mapping[str, Any]) -> None:
    sync_roles()
    role = roles_by_name()["finance"]
    user = holder(role, root)
    near = [cell for cell in cells(scene) if cell.label.startswith("crm.invoice: page issue")]
    user.groups.get().permissions.remove(Permission.objects.get(codename="issue_invoice"))
    user = User.objects.get(pk=user.pk)
    assert deviations(user, role.permissions, near) == [f"{cell.label} is shut" for cell in near]


def test_the_matrix_covers_every_page_of_the_site(scene: Mapping[str, Any]) -> None:
    labels = {cell.label.split(":")[0] for cell in cells(scene)}
    assert labels - {"draft"} == {model._meta.label_lower for model in admin.site._registry}
    kinds = {cell.label.split(": ")[1].split(" ")[0] for cell in cells(scene)}
    stock = {"list", "look", "history", "change", "delete", "add"}
    assert kinds == stock | {"page", "action", "autocomplete", "inline", "export"}
    assert len(cells(scene)) > 350


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name.value)
def test_only_owner_and_admin_help_people_who_cannot_get_in(role: Role, root: User, scene: Mapping[str, Any]) -> None:
    """Every cell of the four tables, never a sample."""
    sync_roles()
    tables = ("axes.accessattempt:", "mfa.authenticator:", "account.emailaddress:", "accounts.apikey:")
    every = [cell for cell in cells(scene) if cell.label.startswith(tables)]
    assert deviations(holder(role, root), role.permissions, every) == []
    helps = {
        "axes.delete_accessattempt",
        "mfa.delete_authenticator",
        "account.view_emailaddress",
        "accounts.add_apikey",
    }
    assert (helps & role.permissions) == (helps if role.name.value in ("owner", "admin") else set())
