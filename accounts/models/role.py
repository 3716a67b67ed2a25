"""Who holds which role, and what a role may do: Django's link tables, audited."""

import pghistory
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from accounts.models.user import User


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), append_only=True, obj_field=None)
class UserGroup(User.groups.through):  # type: ignore[name-defined]
    """A role handed to a person; its audit rows tell when it was given and taken, and by whom."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("role of a user")
        verbose_name_plural = _("roles of users")


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), append_only=True, obj_field=None)
class GroupPermission(Group.permissions.through):  # type: ignore[name-defined]
    """A permission of a role; its audit rows tell when the role gained or lost it."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("permission of a role")
        verbose_name_plural = _("permissions of roles")
