"""Who may do what to whom, where a permission alone does not say it."""

from typing import Any

from accounts.enums import StaffRole


def is_owner(user: Any) -> bool:
    """An owner of the company, or the superuser of this installation."""
    return bool(user.is_superuser or user.groups.filter(name=StaffRole.OWNER).exists())


def may_manage(by: Any, user: Any) -> bool:
    """Whether ``by`` may change or switch off ``user``, given the permission to change users.

    Superusers are changed by superusers and owners by owners; otherwise whoever may change users could take over
    a stronger account by changing its address or password.
    """
    if by.is_superuser:
        return True
    if user.is_superuser:
        return False
    return is_owner(by) or not is_owner(user)


def may_enter_back_office(user: Any) -> bool:
    """Signed in, switched on, and staff."""
    return bool(user.is_authenticated and user.is_active and user.is_staff)
