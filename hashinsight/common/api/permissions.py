"""May this caller make this call? The key's scope first, then the person's power; the row itself comes later."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from hashinsight.common.api.problems import Problem
from hashinsight.common.api.scope import is_client


class MayCall(BasePermission):
    """Reads ``resource``, ``staff_only``, ``staff_permissions`` and ``client_actions`` of the view.

    An action that stands in none of them is refused to everybody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """True, or raises the refusal that fits."""
        if not request.user.is_authenticated:
            raise NotAuthenticated
        client = is_client(request.user)
        if client and view.staff_only:
            raise Http404
        if not view.handler_exists():
            return True  # answered with 405
        self._check_scope(request, view)
        action = view.action_name()
        if client:
            if action not in view.client_actions:
                raise _refused()
        else:
            self._check_power(request, action, view.staff_permissions)
        return True

    def _check_scope(self, request: Request, view: Any) -> None:
        if view.resource is None:
            return
        wanted = f"{view.resource}:{'read' if request.method in SAFE_METHODS else 'write'}"
        if wanted not in getattr(request.auth, "scopes", ()):
            raise Problem(403, "scope_missing", _("This key lacks the scope %(scope)s.") % {"scope": wanted})

    def _check_power(self, request: Request, action: str, powers: Mapping[str, str | None]) -> None:
        if action not in powers:
            raise _refused()
        power = powers[action]
        if power is not None and not request.user.has_perm(power):
            raise _refused()


def _refused() -> Problem:
    return Problem(403, "permission_denied", _("You may not do this."))
