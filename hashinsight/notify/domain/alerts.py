"""Alerts: raised when something is wrong, acknowledged by a person, over when it is over."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from hashinsight.common.audit import audit_context
from hashinsight.common.transitions import lock_for_move
from hashinsight.jobs.domain.work import require_work
from hashinsight.notify.domain import routing
from hashinsight.notify.domain.occurrence import of_alert
from hashinsight.notify.enums import ALERT_MOVES, SEVERITY_ORDER, AlertState, Occasion
from hashinsight.notify.models import Alert, Rule
from hashinsight.notify.registry import alert_kind

LIVE = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


@transaction.atomic
def raise_alert(
    kind: str,
    key: str,
    *,
    at: datetime,
    title: str,
    text: str = "",
    severity: str | None = None,
    customer_id: int | None = None,
    legal_entity_id: int | None = None,
    mailboxes: Sequence[str] = (),
) -> Alert:
    """Say that something is wrong; the same kind and key while it is still wrong is the same alert, seen again.

    ``severity`` defaults to that of the kind; while the alert lives it only rises. ``mailboxes`` are written to when it
    begins and when it is over, whether rules speak of it or not. Raises KeyError for a kind nobody registered.
    """
    wanted = severity or alert_kind(kind).severity
    alert, created = Alert.objects.select_for_update(of=("self",)).get_or_create(
        kind=kind,
        key=key[:200],
        state__in=LIVE,
        defaults={
            "severity": wanted,
            "state": AlertState.OPEN,
            "title": title[:200],
            "text": text,
            "customer_id": customer_id,
            "legal_entity_id": legal_entity_id,
            "first_at": at,
            "last_at": at,
        },
    )
    if created:
        routing.tell_people(mailboxes, of_alert(alert, Occasion.RAISED, at=at), at=at)
        _tell(alert, turn="", at=at)
        return alert
    return _seen_again(alert, wanted, title=title, text=text, at=at)


def _seen_again(alert: Alert, severity: str, *, title: str, text: str, at: datetime) -> Alert:
    alert.count += 1
    alert.last_at, alert.text, alert.title = at, text, title[:200]
    worse = SEVERITY_ORDER[severity] > SEVERITY_ORDER[alert.severity]
    if worse:
        alert.severity = severity
    alert.save(update_fields=["count", "last_at", "text", "title", "severity"])
    if worse:
        _tell(alert, turn=f":{severity}", at=at)
    elif alert.state == AlertState.OPEN:
        routing.remind(of_alert(alert, Occasion.RAISED, at=at, turn=f":{alert.count}"), at=at)
    return alert


def _tell(alert: Alert, *, turn: str, at: datetime) -> None:
    """It is there, or has become worse: everybody whose rule speaks of it hears it, and escalations are planned."""
    occurrence = of_alert(alert, Occasion.RAISED, at=at, turn=turn)
    routing.route(occurrence, at=at, insist=bool(turn))
    if alert.state == AlertState.OPEN:
        _plan_escalation(alert, routing.rules_for(occurrence), at=at)


def _plan_escalation(alert: Alert, rules: list[Rule], *, at: datetime) -> None:
    for rule in rules:
        if rule.escalate_after_minutes and rule.escalate_to_id:
            require_work(
                routing.ESCALATE_WORK,
                key=f"{alert.pk}:{rule.pk}",
                payload={"alert_id": alert.pk, "rule_id": rule.pk},
                at=at + timedelta(minutes=rule.escalate_after_minutes),
            )


@transaction.atomic
def escalate(alert_id: int, rule_id: int, *, at: datetime) -> None:
    """Tell the second channel, when the alert is still open and nobody has acknowledged it."""
    alert = Alert.objects.select_for_update(of=("self",)).filter(pk=alert_id, state=AlertState.OPEN).first()
    rule = Rule.objects.select_related("escalate_to").filter(pk=rule_id, is_active=True).first()
    if alert is None or rule is None or rule.escalate_to is None or not rule.escalate_to.is_active:
        return
    alert.escalated_at = alert.escalated_at or at
    alert.save(update_fields=["escalated_at"])
    routing.deliver_to(rule.escalate_to, rule, of_alert(alert, Occasion.ESCALATED, at=at), at=at)


@transaction.atomic
def acknowledge(alert: Alert, *, by: Any, at: datetime) -> Alert:
    """A person is at it: no reminders and no escalation from now on. Raises MoveRefused when it is not open."""
    with audit_context(actor=by):
        locked = lock_for_move(alert, field="state", to=AlertState.ACKNOWLEDGED, moves=ALERT_MOVES)
        locked.state, locked.acknowledged_at, locked.acknowledged_by = AlertState.ACKNOWLEDGED, at, by
        locked.save(update_fields=["state", "acknowledged_at", "acknowledged_by"])
    return locked.reload()


@transaction.atomic
def recover_alert(kind: str, key: str, *, at: datetime) -> Alert | None:
    """It is over: whoever heard of it hears that. None when there was no such alert."""
    found = Alert.objects.filter(kind=kind, key=key[:200], state__in=LIVE).first()
    if found is None:
        return None
    return _end(found, at=at)


@transaction.atomic
def end_alert(alert: Alert, *, by: Any, at: datetime) -> Alert:
    """A person says that it is over; a watch that still sees the trouble raises a new alert. Raises MoveRefused."""
    with audit_context(actor=by):
        return _end(alert, at=at)


def _end(alert: Alert, *, at: datetime) -> Alert:
    locked = lock_for_move(alert, field="state", to=AlertState.ENDED, moves=ALERT_MOVES)
    locked.state, locked.ended_at = AlertState.ENDED, at
    locked.save(update_fields=["state", "ended_at"])
    routing.tell_end(of_alert(locked, Occasion.ENDED, at=at), at=at)
    return locked.reload()
