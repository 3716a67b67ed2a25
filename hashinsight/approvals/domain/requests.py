"""Requests for approval: asked for by one person, decided by another, done in the transaction of the decision."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.approvals.enums import APPROVAL_MOVES, ApprovalState
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.approvals.registry import ApprovalAction, action_for
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.events.domain import publish

DECIDE = "approvals.decide_approvalrequest"
LONGEST_REASON = 300


class ApprovalRefused(DomainError):
    """The request cannot be made or decided like this."""

    code = "approval_refused"


class AlreadyWaiting(ApprovalRefused):
    """The same act on the same object waits for a decision."""

    code = "approval_pending"


class OwnRequest(ApprovalRefused):
    """Whoever asks cannot decide."""

    code = "own_request"


class NotEntitled(ApprovalRefused):
    """Deciding needs the power to decide and the power of the act itself."""

    code = "not_entitled"


class ObjectChanged(ApprovalRefused):
    """The object is not what it was when somebody asked."""

    code = "object_changed"


@transaction.atomic
def request_approval(
    obj: Any,
    *,
    kind: str,
    payload: Mapping[str, Any],
    reason: str,
    by: Any,
    at: datetime,
    amount: Decimal | None = None,
    currency: str = "",
    customer_id: int | None = None,
) -> ApprovalRequest:
    """Ask for an act on ``obj``; ``payload`` (JSON) is what the act will be called with, word for word.

    ``by`` None means the system itself. Raises ApprovalRefused without a reason, AlreadyWaiting when the same waits.
    """
    action = action_for(kind)
    if not reason.strip():
        raise ApprovalRefused(_("State the reason: somebody else decides by it."))
    locked = lock_row(obj)
    same = {"kind": kind, "object_type": locked._meta.label_lower, "object_id": locked.pk}
    if ApprovalRequest.objects.filter(state=ApprovalState.PENDING, **same).exists():
        raise AlreadyWaiting(
            _("%(what)s of %(object)s is waiting for approval already.") % {"what": action.title, "object": locked}
        )
    request = ApprovalRequest.objects.create(
        **same,
        object_label=str(locked)[:200],
        object_state=action.state_of(locked),
        customer_id=customer_id,
        payload=dict(payload),
        amount=amount,
        currency=currency if amount is not None else "",
        reason=reason.strip()[:LONGEST_REASON],
        requested_by=by,
        requested_at=at,
        expires_at=at + action.valid_for,
        created_at=at,
    )
    _tell(request, "approval.requested", by)
    return request.reload()


@transaction.atomic
def approve(request: ApprovalRequest, *, by: Any, at: datetime, note: str = "") -> ApprovalRequest:
    """Decide for it and do it, in one transaction: a refusal of the act takes the decision back as well.

    Raises MoveRefused when it waits no more, OwnRequest, NotEntitled, ObjectChanged, or what the act refuses with.
    """
    locked = lock_for_move(request, field="state", to=ApprovalState.APPROVED, moves=APPROVAL_MOVES)
    action = check_decider(locked, by=by)
    if locked.expires_at <= at:
        raise ApprovalRefused(_("The time to decide is over."))
    obj = subject_of(locked, lock=True)
    if action.state_of(obj) != locked.object_state:
        raise ObjectChanged(
            _("%(object)s changed after this was asked for. Reject the request and ask anew.") % {"object": obj}
        )
    with audit_context(reason=locked.reason):
        _decide(locked, ApprovalState.APPROVED, by=by, at=at, note=note)
        made = action.carry_out(obj, approval=locked, by=by, at=at)
        locked.executed_at, locked.result = at, str(made if made is not None else "")[:200]
        locked.save(update_fields=["executed_at", "result"])
    _tell(locked, "approval.decided", by)
    return locked.reload()


@transaction.atomic
def reject(request: ApprovalRequest, *, by: Any, at: datetime, note: str) -> ApprovalRequest:
    """Decide against it. Raises MoveRefused, OwnRequest, NotEntitled, ApprovalRefused without a note."""
    locked = lock_for_move(request, field="state", to=ApprovalState.REJECTED, moves=APPROVAL_MOVES)
    check_decider(locked, by=by)
    if not note.strip():
        raise ApprovalRefused(_("State why it is rejected."))
    with audit_context(reason=note):
        _decide(locked, ApprovalState.REJECTED, by=by, at=at, note=note)
    _tell(locked, "approval.decided", by)
    return locked.reload()


@transaction.atomic
def withdraw(request: ApprovalRequest, *, by: Any, at: datetime) -> ApprovalRequest:
    """Take one's own request back. Raises MoveRefused, or NotEntitled for anybody else's."""
    locked = lock_for_move(request, field="state", to=ApprovalState.WITHDRAWN, moves=APPROVAL_MOVES)
    if by is None or locked.requested_by_id != by.pk:
        raise NotEntitled(_("Only whoever asked can take it back; others reject it."))
    _decide(locked, ApprovalState.WITHDRAWN, by=by, at=at, note="")
    _tell(locked, "approval.decided", by)
    return locked.reload()


def expire_due(*, at: datetime, limit: int = 500) -> int:
    """End what nobody decided in time; rows somebody is deciding right now are left to them. Returns how many."""
    ended = 0
    with transaction.atomic():
        due = ApprovalRequest.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            state=ApprovalState.PENDING, expires_at__lte=at
        )
        for locked in due.order_by("expires_at", "id")[:limit]:
            _decide(locked, ApprovalState.EXPIRED, by=None, at=at, note="")
            _tell(locked, "approval.decided", None)
            ended += 1
    return ended


def note_refusal(request: ApprovalRequest, *, message: str) -> None:
    """Keep why the act could not be done; the request waits on. Called after the transaction was taken back."""
    waiting = ApprovalRequest.objects.filter(pk=request.pk, state=ApprovalState.PENDING)
    waiting.update(last_refusal=message[:500])


def check_decider(request: ApprovalRequest, *, by: Any) -> ApprovalAction:
    """The act of a request, when this person may decide on it. Raises OwnRequest or NotEntitled."""
    action = action_for(request.kind)
    if by is None or not by.is_active or not by.has_perm(DECIDE) or not by.has_perm(action.permission):
        raise NotEntitled(_("Deciding needs the permission to decide and the one for the act itself."))
    if request.requested_by_id == by.pk:
        raise OwnRequest(_("You asked for it; somebody else has to decide."))
    return action


def subject_of(request: ApprovalRequest, *, lock: bool = False) -> Any:
    """The object a request is about. Raises ApprovalRefused when it is gone."""
    rows = apps.get_model(request.object_type)._default_manager.filter(pk=request.object_id)
    obj = (rows.select_for_update(of=("self",)) if lock else rows).first()
    if obj is None:
        raise ApprovalRefused(_("%(object)s is no longer there.") % {"object": request.object_label})
    return obj


def _decide(locked: ApprovalRequest, state: ApprovalState, *, by: Any, at: datetime, note: str) -> None:
    locked.state, locked.decided_by, locked.decided_at = state, by, at
    locked.decision_note = note.strip()[:LONGEST_REASON]
    locked.save(update_fields=["state", "decided_by", "decided_at", "decision_note"])


def _tell(request: ApprovalRequest, kind: str, by: Any) -> None:
    publish(
        kind,
        aggregate_type="approval",
        aggregate_id=request.public_id,
        customer_id=request.customer_id,
        user_id=getattr(by, "pk", None),
        payload={
            "approval_id": str(request.public_id),
            "action": request.kind,
            "object": request.object_label,
            "state": str(request.state),
            "amount": format(request.amount, "f") if request.amount is not None else None,
            "currency": request.currency or None,
        },
    )
