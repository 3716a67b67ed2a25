"""The shipped roles do what the written table says, and the page says what the table says."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from accounts.domain.roles import UnknownPermissions, sync_roles
from accounts.enums import StaffRole
from accounts.models import GroupPermission
from accounts.role_page import roles_page
from accounts.role_table import ROLES, Role, all_codenames, roles_by_name

PAGE = Path(__file__).resolve().parents[2] / "docs" / "roles.md"


def held() -> dict[str, set[str]]:
    return {
        group.name: {
            f"{app}.{code}" for app, code in group.permissions.values_list("content_type__app_label", "codename")
        }
        for group in Group.objects.all()
    }


def test_groups_have_exactly_the_permissions_of_the_table(db: None) -> None:
    sync_roles()

    assert held() == {role.name.value: set(role.permissions) for role in ROLES}
    assert set(held()) == set(StaffRole.values)


def test_second_run_changes_nothing(db: None) -> None:
    first, second = sync_roles(), sync_roles()

    assert (first, second) == (list(StaffRole.values), [])


def test_deviation_is_put_right_and_own_groups_are_left_alone(db: None) -> None:
    sync_roles()
    own = Group.objects.create(name="Interns")
    own.permissions.add(Permission.objects.get(codename="view_lead"))
    sales = Group.objects.get(name="sales")
    sales.permissions.add(Permission.objects.get(codename="issue_invoice"))
    sales.permissions.remove(Permission.objects.get(codename="convert_lead"))

    assert sync_roles() == ["sales"]
    assert held()["sales"] == roles_by_name()["sales"].permissions
    assert held()["Interns"] == {"crm.view_lead"}


def test_changes_of_a_role_are_audited(db: None) -> None:
    call_command("sync_roles", stdout=StringIO())
    rows = GroupPermission.pgh_event_model.objects.filter(group__name="operations")

    assert rows.count() == len(roles_by_name()["operations"].permissions)
    assert {row.pgh_context.metadata["reason"] for row in rows} == {"sync_roles"}


def test_unknown_permission_is_a_mistake_in_code(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = Role(StaffRole.SALES, "", frozenset({"crm.fly_invoice"}))
    monkeypatch.setattr("accounts.role_table.ROLES", (planted,))

    with pytest.raises(UnknownPermissions, match=r"crm\.fly_invoice"):
        sync_roles()


def test_command_says_what_it_did(db: None) -> None:
    said = [StringIO(), StringIO()]
    for out in said:
        call_command("sync_roles", stdout=out)

    assert said[0].getvalue() == "Roles changed: owner, admin, finance, sales, operations, read-only\n"
    assert said[1].getvalue() == "Roles are as written.\n"


def test_page_is_the_one_of_the_table() -> None:
    assert PAGE.read_text(encoding="utf-8") == roles_page(), "run ./dev manage sync_roles --page docs/roles.md"


def may(permission: str) -> set[str]:
    return {role.name.value for role in ROLES if permission in role.permissions}


def test_who_approves_deals() -> None:
    assert may("crm.approve_deal") == {"owner", "admin", "finance"}


def test_who_issues_invoices_and_records_payments() -> None:
    assert may("crm.issue_invoice") == may("crm.add_payment") == {"owner", "admin", "finance"}


def test_who_converts_leads() -> None:
    assert may("crm.convert_lead") == {"owner", "admin", "sales"}


def test_only_owners_delete_users_and_change_roles() -> None:
    assert may("accounts.delete_user") == may("auth.change_group") == may("accounts.delete_accessgrant") == {"owner"}


@pytest.mark.parametrize("name", ["accounts.view_loginrecord", "accounts.view_apikey"])
def test_who_sees_sign_ins_and_keys(name: str) -> None:
    assert may(name) == {"owner", "admin"}


def test_read_only_only_looks() -> None:
    assert {name.split(".")[1].split("_")[0] for name in roles_by_name()["read-only"].permissions} == {"view"}


def test_nobody_changes_documents_payments_or_records() -> None:
    forbidden = {
        f"{table[0]}.{verb}_{table[1]}"
        for table in (("crm", "invoicedocument"), ("accounts", "loginrecord"), ("events", "outboxevent"))
        for verb in ("add", "change", "delete")
    } | {"crm.change_payment", "crm.delete_payment"}

    assert forbidden & all_codenames() == set()


def test_owner_has_what_every_other_role_has() -> None:
    owner = roles_by_name()["owner"].permissions

    assert [role.name for role in ROLES if not role.permissions <= owner] == []
