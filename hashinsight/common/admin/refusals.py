"""What kept something from being saved, in words for a person."""

from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import BaseConstraint, ProtectedError, RestrictedError
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError

REFUSALS = (DomainError, ValidationError, IntegrityError, ProtectedError, RestrictedError)


def in_words(refusal: Exception) -> Exception:
    """A refusal a person can read; what the database says in its own words stays in the log."""
    if isinstance(refusal, ProtectedError | RestrictedError):
        things = {str(row._meta.verbose_name_plural) for row in _blocking(refusal)}
        return DomainError(_("Other records still need it: %(things)s.") % {"things": ", ".join(sorted(things))})
    if isinstance(refusal, IntegrityError):
        return DomainError(
            _constraint_text(refusal)
            or _("The database refused this: a rule forbids it, or somebody else changed the data at the same moment.")
        )
    return refusal


def _constraint_text(refusal: IntegrityError) -> str:
    """The sentence that the broken constraint itself carries, if it carries one."""
    name = getattr(getattr(refusal.__cause__, "diag", None), "constraint_name", None)
    for model in apps.get_models() if name else ():
        for constraint in model._meta.constraints:
            if constraint.name != name:
                continue
            text = str(constraint.violation_error_message)
            return "" if text == str(BaseConstraint.default_violation_error_message) else text
    return ""


def _blocking(refusal: ProtectedError | RestrictedError) -> set[Any]:
    found: Any = refusal.protected_objects if isinstance(refusal, ProtectedError) else refusal.restricted_objects
    return set(found)
