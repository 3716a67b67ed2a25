"""Reads of several callers."""

from typing import Any

from django.db.models import Count, Q, QuerySet

from hashinsight.approvals.domain.requests import DECIDE
from hashinsight.approvals.enums import ApprovalState
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.approvals.registry import UnknownAction, action_for, all_actions


def waiting_for(user: Any) -> QuerySet[ApprovalRequest]:
    """Requests this person may decide on: not their own, and of kinds they hold the power for."""
    if not user.has_perm(DECIDE):
        return ApprovalRequest.objects.none()
    kinds = [action.kind for action in all_actions() if user.has_perm(action.permission)]
    rows: QuerySet[ApprovalRequest] = ApprovalRequest.objects.filter(state=ApprovalState.PENDING, kind__in=kinds)
    return rows.filter(Q(requested_by__isnull=True) | ~Q(requested_by=user.pk))


def waiting_by_kind() -> list[tuple[str, int]]:
    """Title and number of what waits, most first."""
    rows = ApprovalRequest.objects.filter(state=ApprovalState.PENDING).order_by().values_list("kind")
    counts = sorted(rows.annotate(count=Count("pk")), key=lambda row: (-row[1], row[0]))
    return [(title_of(kind), count) for kind, count in counts]


def title_of(kind: str) -> str:
    """What a kind of act is called; its key when the app that knew it is gone."""
    try:
        return str(action_for(kind).title)
    except UnknownAction:
        return kind
