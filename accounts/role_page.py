"""``docs/roles.md``, written from the role table so that it cannot say anything else."""

from collections.abc import Callable

from accounts.role_table import ADD, CHANGE, DELETE, ROLES, VIEW, all_codenames

Cell = Callable[[str, frozenset[str]], str]
_LETTERS = {VIEW: "V", ADD: "A", CHANGE: "C", DELETE: "D"}
_HEAD = """# Roles

Staff roles are groups. This page is generated from `accounts/role_table.py` (`./dev manage sync_roles --page
docs/roles.md`), and a test compares both. `sync_roles` runs at every start and gives the six shipped groups exactly
these permissions; for another cut of rights make a group of your own, it is left alone.

- A user with at least one group is staff (may open the back office); clients have memberships instead, see
  `crm.CustomerMembership`. A new user is a guest and may do nothing.
- Permissions say what a role may do at all. Rules on top: only owners give or take the role of an owner, change or
  switch off an owner; the last owner stays; superusers are changed by superusers only; state, totals and issued
  documents are changed by nobody outside of their actions.
"""


def roles_page() -> str:
    """The page as Markdown."""
    parts = [_HEAD, "\n## What each role is for\n\n| Role | For |\n|---|---|\n"]
    parts += [f"| {role.name.value} | {role.purpose} |\n" for role in ROLES]
    parts += [
        "\n## Tables\n\nV view, A add, C change, D delete; a dash means nothing.\n\n",
        _table("Table", sorted(_models()), _verbs),
        "\n## Actions\n\n",
        _table("Permission", sorted(_actions()), _tick),
    ]
    return "".join(parts)


def _table(title: str, rows: list[str], cell: Cell) -> str:
    head = " | ".join(role.name.value for role in ROLES)
    lines = [f"| {title} | {head} |\n", "|---" * (len(ROLES) + 1) + "|\n"]
    for row in rows:
        cells = " | ".join(cell(row, role.permissions) for role in ROLES)
        lines.append(f"| `{row}` | {cells} |\n")
    return "".join(lines)


def _verbs(model: str, permissions: frozenset[str]) -> str:
    app, name = model.split(".")
    return "".join(letter for verb, letter in _LETTERS.items() if f"{app}.{verb}_{name}" in permissions) or "–"


def _tick(permission: str, permissions: frozenset[str]) -> str:
    return "yes" if permission in permissions else "–"


def _parts(permission: str) -> tuple[str, str, str]:
    app, codename = permission.split(".")
    verb, _underscore, rest = codename.partition("_")
    return app, verb, rest


def _actions() -> set[str]:
    """Names of models hold no underscore: ``view_invoice`` is about a table, ``change_customer_status`` an action."""
    verbs = {name: _parts(name) for name in all_codenames()}
    return {name for name, (_app, verb, rest) in verbs.items() if verb not in _LETTERS or "_" in rest}


def _models() -> set[str]:
    parts = (_parts(name) for name in all_codenames() - _actions())
    return {f"{app}.{model}" for app, _verb, model in parts}
