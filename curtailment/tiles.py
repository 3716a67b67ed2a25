"""Tile of the start page: what is off now, what comes next, and what waits for a person."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from curtailment.enums import RUNNING, PlanStatus
from curtailment.forms.clock import named_moment
from curtailment.models import CurtailmentPlan, KillSwitch
from hashinsight.common.tiles import Tile, register_tile

MOST = 4
BUSY = (*RUNNING, PlanStatus.RECOVERING)


def now() -> Mapping[str, Any]:
    """kW seen off; plans that run, then those that are approved and come next; how many wait for approval."""
    at = timezone.now()
    states = (*BUSY, PlanStatus.APPROVED, PlanStatus.PENDING)
    rows = CurtailmentPlan.objects.filter(status__in=states).select_related("site").order_by("starts_at", "pk")
    running, following, waiting, off = [], [], 0, Decimal(0)
    for plan in rows:
        if plan.status in BUSY:
            running.append(plan)
            off += plan.measured_kw
        elif plan.status == PlanStatus.PENDING:
            waiting += 1
        elif plan.starts_at > at:
            following.append(plan)
    changelist = reverse("admin:curtailment_curtailmentplan_changelist")
    return {
        "off_kw": off, "url": changelist, "waiting": waiting,
        "waiting_url": f"{changelist}?status__exact={PlanStatus.PENDING}",
        "frozen": KillSwitch.objects.filter(released_at=None).exists(),
        "rows": [_row(plan) for plan in (*running, *following)[:MOST]],
    }  # fmt: skip


def _row(plan: CurtailmentPlan) -> dict[str, Any]:
    return {
        "site": plan.site.name, "url": reverse("admin:curtailment_curtailmentplan_change", args=[plan.pk]),
        "running": plan.status in BUSY, "status": plan.get_status_display(), "kw": plan.target_kw,
        "starts": named_moment(plan.starts_at, plan.site), "ends": named_moment(plan.ends_at, plan.site),
    }  # fmt: skip


def register_tiles() -> None:
    """Called once from ``ready()``."""
    register_tile(
        Tile(
            "curtailment.now", gettext_lazy("Curtailment"), "curtailment.view_curtailmentplan",
            "curtailment/admin/tiles/now.html", now, 6, 2, stale_after=frozenset({"curtailment"}),
        )
    )  # fmt: skip
