"""Powers and actions: who may press a button, and one domain call per object."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hashinsight.common.admin.forms import refusal_texts
from hashinsight.common.errors import DomainError

MOST_AT_ONCE = 400
MOST_REFUSALS_SHOWN = 20
Rule = Callable[[Any], bool]


def power(rule: Rule) -> Callable[..., bool]:
    """A ``has_<codename>_permission`` method out of a predicate over users."""

    def has_permission(self: Any, request: HttpRequest, obj: Any = None) -> bool:
        return rule(request.user)

    return has_permission


def may(permission: str) -> Rule:
    """A predicate that asks for one permission, for pages whose app has no rules of its own."""

    def rule(user: Any) -> bool:
        return bool(user.is_active and user.has_perm(permission))

    return rule


class TooManyAtOnce(DomainError):
    """More rows were chosen than one request should work on."""

    code = "too_many_at_once"


def limited(queryset: Any) -> list[Any]:
    """The chosen rows; raises TooManyAtOnce above MOST_AT_ONCE."""
    rows = list(queryset[: MOST_AT_ONCE + 1])
    if len(rows) > MOST_AT_ONCE:
        raise TooManyAtOnce(_("Choose at most %(most)s rows at once.") % {"most": MOST_AT_ONCE})
    return rows


def run_for_each(
    request: HttpRequest, rows: Iterable[Any], verb: Callable[[Any], Any], *, done: Callable[[int], str]
) -> list[Any]:
    """Call ``verb`` once per row; each refusal is reported by itself and stops nothing else.

    ``done`` makes the sentence about how many worked. Returns the rows that did.
    """
    worked, refused = [], []
    for row in rows:
        try:
            verb(row)
        except (DomainError, ValidationError) as refusal:
            refused.append(f"{row}: {' '.join(refusal_texts(refusal))}")
        else:
            worked.append(row)
    if worked:
        messages.success(request, done(len(worked)))
    for text in refused[:MOST_REFUSALS_SHOWN]:
        messages.error(request, text)
    if len(refused) > MOST_REFUSALS_SHOWN:
        more = len(refused) - MOST_REFUSALS_SHOWN
        messages.error(request, _("%(count)s more were refused for similar reasons.") % {"count": more})
    return worked
