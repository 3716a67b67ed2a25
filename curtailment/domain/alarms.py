"""One person acts alone: what owners are told of it at once, and what alert rules find until it is over or reviewed.

The alert is raised in the transaction of the act itself, so that it goes out even where the act is over before the
watch job looks. The watch then finds the same thing in the same words, and ends the alert.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.domain.grants import has_access
from accounts.enums import StaffRole
from accounts.models import User
from curtailment.enums import Goal
from curtailment.models import CurtailmentPlan, SiteRestore
from hashinsight.common.hold import may_act
from hashinsight.notify.domain import raise_alert
from hashinsight.notify.domain.occurrence import Occurrence
from hashinsight.notify.domain.routing import channels_for
from hashinsight.notify.enums import Occasion, Severity
from hashinsight.notify.registry import Finding

EMERGENCY = "curtailment.emergency"
RESTORE = "curtailment.restore"


def owners(*, at: datetime) -> list[User]:
    """People of the group *owner* who may sign in at the moment and have an e-mail address, by address."""
    rows = User.objects.filter(groups__name=StaffRole.OWNER, is_active=True, is_staff=True).exclude(email="")
    return [one for one in rows.order_by("email") if has_access(one, at)]


@dataclass(frozen=True)
class Heard:
    """Who would hear: mailboxes of owners, names of channels by rules; ``waits``: nothing leaves the house now."""

    owners: tuple[str, ...]
    channels: tuple[str, ...]
    waits: bool

    @property
    def nobody(self) -> bool:
        """Neither owners nor rules."""
        return not self.owners and not self.channels


def who_hears(kind: str, *, at: datetime) -> Heard:
    """Whom an alert of this kind (``EMERGENCY``, ``RESTORE``) would reach if it were raised now."""
    told = Occurrence(
        source="", occasion=Occasion.RAISED, kind=kind, key="", severity=Severity.CRITICAL, subject="", body="",
        data={}, at=at,
    )  # fmt: skip
    by_rule = tuple(str(one) for one in channels_for(told, at=at))
    return Heard(tuple(one.email for one in owners(at=at)), by_rule, waits=not may_act())


def tell_emergency(plan: CurtailmentPlan, *, at: datetime) -> None:
    """To owners by e-mail and to whom rules name, in the transaction of the emergency."""
    _tell(EMERGENCY, emergency_found, plan, at)


def tell_restore(restore: SiteRestore, *, at: datetime) -> None:
    """The same of a site that was switched on again."""
    _tell(RESTORE, restore_found, restore, at)


def _tell(kind: str, found: Any, row: Any, at: datetime) -> None:
    with translation.override(settings.LANGUAGE_CODE):  # that of the watch, not of whoever pressed the button
        finding = found(row)
        mailboxes = [one.email for one in owners(at=at)]
        raise_alert(kind, finding.key, at=at, title=finding.title, text=finding.text, mailboxes=mailboxes)


def emergency_found(plan: CurtailmentPlan) -> Finding:
    """What alerts say of an emergency."""
    everything = plan.goal == Goal.REDUCE_TO and not plan.goal_kw
    what = _("everything") if everything else f"{plan.get_goal_display()} {plan.goal_kw.normalize():f} kW"
    return Finding(
        key=str(plan.public_id),
        title=_("Emergency at %(site)s") % {"site": plan.site},
        text=_("%(who)s switches off alone (%(what)s, %(plan)s): %(reason)s")
        % {"who": plan.created_by, "what": what, "plan": plan, "reason": plan.reason},
    )


def restore_found(restore: SiteRestore) -> Finding:
    """What alerts say of a restore."""
    plans = CurtailmentPlan.objects.filter(pk__in=restore.plan_ids).select_related("site").order_by("number")
    return Finding(
        key=str(restore.public_id),
        title=_("%(site)s was switched on again by one person") % {"site": restore.site},
        text=_("%(who)s ended %(plans)s: %(reason)s")
        % {
            "who": restore.restored_by or "manage.py restore_all", "plans": ", ".join(map(str, plans)),
            "reason": restore.reason,
        },
    )  # fmt: skip
