"""From an occurrence to deliveries: which rules speak of it, who gets it, and when."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashinsight.jobs.domain.work import require_work
from hashinsight.notify.domain.occurrence import LONGEST_SUBJECT, Occurrence
from hashinsight.notify.domain.oncall import people_on_call
from hashinsight.notify.engine.matching import matches
from hashinsight.notify.engine.timing import quiet_until
from hashinsight.notify.enums import SEVERITY_ORDER, ChannelKind, DeliveryState, Occasion, Severity
from hashinsight.notify.models import Channel, Delivery, Rule, RuleWindow
from hashinsight.notify.registry import client_kinds

DELIVER_WORK = "notify.deliver"
DIGEST_WORK = "notify.digest"
ESCALATE_WORK = "notify.escalate"


def live_rules() -> list[Rule]:
    """Rules that are on, in a fixed order (two at once then lock their windows in the same one)."""
    rules = Rule.objects.filter(is_active=True, channel__is_active=True).select_related("channel", "escalate_to")
    return list(rules.order_by("pk"))


def rules_for(occurrence: Occurrence, rules: Sequence[Rule] | None = None) -> list[Rule]:
    """Those of the live rules that speak of it."""
    return [rule for rule in (live_rules() if rules is None else rules) if speaks_of(rule, occurrence)]


def speaks_of(rule: Rule, occurrence: Occurrence) -> bool:
    """Whether the rule's kinds and filters let it pass, and whether its channel may know of it at all."""
    return (
        may_know(rule.channel, occurrence)
        and matches(rule.kinds, occurrence.kind)
        and SEVERITY_ORDER[occurrence.severity] >= SEVERITY_ORDER[rule.min_severity]
        and rule.only_customer_id in (None, occurrence.customer_id)
        and rule.only_legal_entity_id in (None, occurrence.legal_entity_id)
    )


def may_know(channel: Channel, occurrence: Occurrence) -> bool:
    """The wall: a customer's channel gets events of that customer only, and of those what clients may see."""
    if channel.customer_id is None:
        return True
    return channel.customer_id == occurrence.customer_id and occurrence.kind in client_kinds()


def channels_for(occurrence: Occurrence, *, at: datetime) -> list[Channel]:
    """Channels through which rules would tell it now to somebody, each once: to be known beforehand."""
    heard = {rule.channel.pk: rule.channel for rule in rules_for(occurrence) if recipients(rule.channel, rule, at=at)}
    return [heard[pk] for pk in sorted(heard)]


@transaction.atomic
def tell_people(mailboxes: Iterable[str], occurrence: Occurrence, *, at: datetime) -> list[Delivery]:
    """Write to each mailbox for certain: no rule, and no channel that is off or quiet, stands between.

    To be called before ``route``: rules then do not write to them once more of the same.
    """
    made = []
    for mailbox in dict.fromkeys(mailboxes):
        delivery, created = Delivery.objects.get_or_create(
            source=occurrence.source, rule=None, channel=None, recipient=mailbox, defaults=_told(occurrence, at, at)
        )
        if created:
            require_work(DELIVER_WORK, key=str(delivery.pk), payload={"delivery_id": delivery.pk}, at=at)
            made.append(delivery)
    return made


def _told(occurrence: Occurrence, at: datetime, starts: datetime) -> dict[str, Any]:
    """Columns of a delivery that say what is told, written at ``at`` and to be sent from ``starts`` on."""
    return {
        "alert": occurrence.alert, "occasion": occurrence.occasion, "kind": occurrence.kind,
        "severity": occurrence.severity, "subject": occurrence.subject, "body": occurrence.body,
        "payload": occurrence.payload, "created_at": at, "retry_since": starts, "next_at": starts,
    }  # fmt: skip


@transaction.atomic
def route(occurrence: Occurrence, *, at: datetime, insist: bool = False, rules: Sequence[Rule] | None = None) -> int:
    """Write the deliveries of an occurrence; telling it again writes nothing new. Returns how many were written.

    ``insist`` passes the repeat limit: what has become worse is no repeat. ``rules`` are the live ones, where the
    caller has read them already.
    """
    return sum(
        len(deliver_to(rule.channel, rule, occurrence, at=at))
        for rule in rules_for(occurrence, rules)
        if not _already_told(rule, occurrence) and (insist or _may_pass(rule, occurrence, at=at))
    )


@transaction.atomic
def remind(occurrence: Occurrence, *, at: datetime) -> None:
    """An open alert was seen again: rules with a repeat limit say so at its pace, the others have said it."""
    for rule in rules_for(occurrence):
        if rule.repeat_minutes and _may_pass(rule, occurrence, at=at):
            deliver_to(rule.channel, rule, occurrence, at=at)


def _already_told(rule: Rule, occurrence: Occurrence) -> bool:
    return Delivery.objects.filter(rule=rule, source=occurrence.source).exists()


def deliver_to(
    channel: Channel, rule: Rule | None, occurrence: Occurrence, *, at: datetime, heard: Sequence[str] | None = None
) -> list[Delivery]:
    """One delivery per recipient that has none of this source yet, each with the work that sends it.

    ``heard`` names the recipients where it is no longer for the channel to say: those of the beginning hear the end.
    """
    starts = at if occurrence.severity == Severity.CRITICAL else wakes_at(channel, at)
    made = []
    people = recipients(channel, rule, at=starts) if heard is None else heard
    for recipient in _not_told(people, occurrence) if channel.kind == ChannelKind.EMAIL else people:
        delivery, created = Delivery.objects.get_or_create(
            source=occurrence.source,
            rule=rule,
            channel=channel,
            recipient=recipient,
            defaults={"customer_id": channel.customer_id, **_told(occurrence, at, starts)},
        )
        if created:
            require_work(DELIVER_WORK, key=str(delivery.pk), payload={"delivery_id": delivery.pk}, at=starts)
            made.append(delivery)
    return made


def _not_told(mailboxes: Sequence[str], occurrence: Occurrence) -> list[str]:
    """Those whom nobody has written to for certain about the same turn."""
    told = Delivery.objects.filter(source=occurrence.source, channel=None).values_list("recipient", flat=True)
    known = {one.casefold() for one in told}
    return [one for one in mailboxes if one.casefold() not in known]


def recipients(channel: Channel, rule: Rule | None, *, at: datetime) -> list[str]:
    """Who gets a message of its own: each mailbox, and whoever is on call at the moment at which it is sent.

    Everything but e-mail is one recipient, the channel.
    """
    if channel.kind != ChannelKind.EMAIL:
        return [""]
    people: Iterable[str] = ()
    if rule is not None and rule.channel_id == channel.pk:
        people = rule.recipients.filter(is_active=True).order_by("pk").values_list("email", flat=True)
    called = [] if channel.rota is None else [user.email for user in people_on_call(channel.rota, at=at)]
    return list(dict.fromkeys([*channel.address.split(), *called, *people]))


def wakes_at(channel: Channel, at: datetime) -> datetime:
    """Now, or the end of the quiet hours of the channel."""
    quiet = quiet_until(at, zone=channel.time_zone, begins=channel.quiet_from, ends=channel.quiet_to)
    return quiet or at


def _may_pass(rule: Rule, occurrence: Occurrence, *, at: datetime) -> bool:
    """The repeat limit: opens a window, or counts what an open one holds back and sees to its summary."""
    if not rule.repeat_minutes or occurrence.occasion not in (Occasion.EVENT, Occasion.RAISED):
        return True
    span = timedelta(minutes=rule.repeat_minutes)
    window, created = RuleWindow.objects.select_for_update().get_or_create(
        rule=rule, key=occurrence.key, defaults={"until": at + span}
    )
    if created:
        return True
    if at >= window.until and not window.suppressed:
        window.until = at + span
        window.save(update_fields=["until"])
        return True
    window.suppressed += 1
    window.save(update_fields=["suppressed"])
    if window.suppressed == 1:
        payload = {"window_id": window.pk, "subject": occurrence.subject, "severity": occurrence.severity}
        key = f"{window.pk}:{window.until.isoformat()}"
        require_work(DIGEST_WORK, key=key, payload={**payload, "kind": occurrence.kind}, at=max(window.until, at))
    return False


@transaction.atomic
def send_digest(window_id: int, *, kind: str, subject: str, severity: str, at: datetime) -> None:
    """Say how often the same thing was held back, and begin the next window; nothing when nothing was."""
    window = RuleWindow.objects.select_for_update().select_related("rule__channel").filter(pk=window_id).first()
    if window is None or not window.suppressed:
        return
    rule, count = window.rule, window.suppressed
    window.suppressed, ended = 0, window.until
    window.until = at + timedelta(minutes=max(rule.repeat_minutes, 1))
    window.save(update_fields=["suppressed", "until"])
    if not (rule.is_active and rule.channel.is_active) or rule.channel.customer_id is not None:
        return
    text = ngettext("%(count)s more: %(subject)s", "%(count)s more: %(subject)s", count)
    said = text % {"count": count, "subject": subject}
    occurrence = Occurrence(
        source=f"digest:{window.pk}:{ended.isoformat()}",
        occasion=Occasion.DIGEST,
        kind=kind,
        key=window.key,
        severity=severity,
        subject=said[:LONGEST_SUBJECT],
        body=said + "\n\n" + _("Held back by the repeat limit of the rule “%(rule)s”.") % {"rule": rule},
        data={"occasion": Occasion.DIGEST.value, "key": window.key, "count": count, "subject": subject},
        at=at,
    )
    deliver_to(rule.channel, rule, occurrence, at=at)


def tell_end(occurrence: Occurrence, *, at: datetime) -> None:
    """Tell those who heard that an alert began that it is over; a beginning that still waits is not sent at all."""
    raised = Delivery.objects.filter(alert=occurrence.alert, occasion__in=(Occasion.RAISED, Occasion.ESCALATED))
    waiting = raised.filter(state=DeliveryState.PENDING, attempts=0, next_at__gt=at)
    waiting.update(state=DeliveryState.SKIPPED, next_at=None, error=_("It was over before the message was due."))
    heard = raised.exclude(state=DeliveryState.SKIPPED).select_related("channel", "rule").order_by("pk")
    told: dict[tuple[int, int | None], list[Delivery]] = {}
    for delivery in heard:
        told.setdefault((delivery.channel_id, delivery.rule_id), []).append(delivery)
    tell_people((one.recipient for one in heard if one.channel_id is None), occurrence, at=at)
    for deliveries in told.values():
        channel, rule = deliveries[0].channel, deliveries[0].rule
        if channel is None or rule is None or not (rule.tells_end and rule.is_active and channel.is_active):
            continue
        # Whoever was on call is the one who knows of it, not whoever has relieved them.
        names = list(dict.fromkeys(one.recipient for one in deliveries)) if channel.rota_id else None
        deliver_to(channel, rule, occurrence, at=at, heard=names)
