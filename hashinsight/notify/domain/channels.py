"""Channels: made, changed, tried, switched, given new secrets."""

import os
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.outbound import check_url
from hashinsight.common.transitions import lock_row
from hashinsight.notify.domain.alerts import recover_alert
from hashinsight.notify.domain.occurrence import Occurrence
from hashinsight.notify.domain.routing import deliver_to
from hashinsight.notify.domain.sending import DISABLED_ALERT
from hashinsight.notify.engine import signing
from hashinsight.notify.enums import ChannelKind, Occasion, Severity
from hashinsight.notify.models import Channel, Delivery

OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=7)
MOST_ADDRESSES = 20
TEST_KIND = "channel.test"
# What opens a service of others, in the form its makers give it out; nothing else is ever put into a call.
CREDENTIALS = {
    ChannelKind.SLACK: re.compile(
        r"https://hooks\.slack\.com/services/T[A-Z0-9]{4,20}/B[A-Z0-9]{4,20}/[A-Za-z0-9]{16,40}"
    ),
    ChannelKind.TELEGRAM: re.compile(r"[0-9]{6,16}:[A-Za-z0-9_-]{30,50}"),
    ChannelKind.PAGERDUTY: re.compile(r"[A-Za-z0-9]{32}"),
}
ADDRESSES = {
    ChannelKind.SLACK: re.compile(r""),
    ChannelKind.TELEGRAM: re.compile(r"-?[0-9]{3,20}|@[A-Za-z][A-Za-z0-9_]{4,31}"),
    ChannelKind.PAGERDUTY: re.compile(r"us|eu"),
}


class ChannelRefused(DomainError):
    """The channel cannot be like that."""

    code = "channel_refused"


@transaction.atomic
def create_channel(*, by: Any, at: datetime, name: str, kind: str, credential: str = "", **fields: Any) -> Channel:
    """A channel with what opens it; a webhook gets a signing secret, to be shown once from the object returned."""
    channel = Channel(name=name, kind=kind, created_by=by, created_at=at, **fields)
    channel.conceal_credential(credential.strip())
    if kind == ChannelKind.WEBHOOK:
        channel.conceal_secret(signing.new_secret(os.urandom(signing.SECRET_BYTES)))
    with audit_context(actor=by):
        _check(channel)
        channel.save()
    return channel


@transaction.atomic
def change_channel(channel: Channel, *, changes: Mapping[str, Any], by: Any) -> Channel:
    """Change name, address, quiet hours; the kind stays what it is."""
    with audit_context(actor=by):
        locked = lock_row(channel)
        for field, value in changes.items():
            setattr(locked, field, value)
        _check(locked)
        locked.save(update_fields=list(changes))
    return locked.reload()


def check_channel(channel: Channel, *, credential: str) -> None:
    """Raise ValidationError, field by field, for what the channel's kind does not allow."""
    kind = ChannelKind(channel.kind)
    channel.address = channel.address.strip()
    if kind == ChannelKind.EMAIL:
        _check_mailboxes(channel)
    elif kind == ChannelKind.WEBHOOK:
        _check_webhook(channel)
    else:
        _check_service(channel, kind, credential)


def _check(channel: Channel) -> None:
    channel.full_clean(exclude=["created_by"])
    check_channel(channel, credential=channel.reveal_credential())


def _check_mailboxes(channel: Channel) -> None:
    mailboxes = channel.address.split()
    if len(mailboxes) > MOST_ADDRESSES:
        text = _("At most %(most)s addresses; use a mailing list for more.") % {"most": MOST_ADDRESSES}
        raise ValidationError({"address": text})
    if channel.rota_id and not mailboxes:
        raise ValidationError({"address": _("With a rota state an address as well: it hears what nobody else would.")})
    for mailbox in mailboxes:
        try:
            validate_email(mailbox)
        except ValidationError as error:
            text = _("%(address)s is no e-mail address; one per line.") % {"address": mailbox}
            raise ValidationError({"address": text}) from error


def _check_webhook(channel: Channel) -> None:
    try:
        check_url(channel.address)
    except DomainError as refusal:
        raise ValidationError({"address": str(refusal)}) from refusal


def _check_service(channel: Channel, kind: ChannelKind, credential: str) -> None:
    if kind == ChannelKind.PAGERDUTY:
        channel.address = channel.address.lower() or "us"
    if not ADDRESSES[kind].fullmatch(channel.address):
        told = {
            ChannelKind.SLACK: _("Stays empty: the credential says where it goes."),
            ChannelKind.TELEGRAM: _("The number of the chat, or @name of a channel."),
            ChannelKind.PAGERDUTY: _("The region of your account: us or eu."),
        }
        raise ValidationError({"address": told[kind]})
    if not CREDENTIALS[kind].fullmatch(credential):
        told = {
            ChannelKind.SLACK: _("An incoming webhook: https://hooks.slack.com/services/T…/B…/…"),
            ChannelKind.TELEGRAM: _("The token of the bot, as BotFather told it: 123456789:AA…"),
            ChannelKind.PAGERDUTY: _("The integration key of the service (Events API v2), 32 letters and digits."),
        }
        raise ValidationError(told[kind])


@transaction.atomic
def rotate_secret(channel: Channel, *, by: Any, at: datetime, overlap: timedelta = OVERLAP) -> Channel:
    """A new signing secret; for ``overlap`` messages are signed with both. Read it once from the object returned."""
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ChannelRefused(_("Old and new secret may live side by side for at most 7 days."), code="overlap_invalid")
    if channel.kind != ChannelKind.WEBHOOK:
        raise ChannelRefused(_("Only webhooks are signed."))
    with audit_context(actor=by, reason="rotation"):
        locked = lock_row(channel)
        locked.conceal_previous_secret(locked.reveal_secret() if overlap else "")
        locked.previous_secret_until = at + overlap if overlap else None
        locked.conceal_secret(signing.new_secret(os.urandom(signing.SECRET_BYTES)))
        locked.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    return locked.reload()


@transaction.atomic
def replace_credential(channel: Channel, *, credential: str, by: Any) -> Channel:
    """What opens the service of others has changed."""
    with audit_context(actor=by, reason="new credential"):
        locked = lock_row(channel)
        locked.conceal_credential(credential.strip())
        _check(locked)
        locked.save(update_fields=["credential"])
    return locked.reload()


def live_secrets(channel: Channel, at: datetime) -> list[str]:
    """What signs at this moment, the newest first."""
    until = channel.previous_secret_until
    both = channel.previous_secret and until is not None and at < until
    return [channel.reveal_secret(), *([channel.reveal_previous_secret()] if both else [])]


@transaction.atomic
def switch_on(channel: Channel, *, by: Any, at: datetime) -> Channel:
    """On again: a clean start. What was given up meanwhile is sent again by hand."""
    with audit_context(actor=by):
        locked = lock_row(channel)
        if locked.is_active:
            raise ChannelRefused(_("%(channel)s is on already.") % {"channel": locked}, code="already_on")
        locked.is_active, locked.disabled_at, locked.disabled_reason, locked.failing_since = True, None, "", None
        locked.save(update_fields=["is_active", "disabled_at", "disabled_reason", "failing_since"])
    recover_alert(DISABLED_ALERT, str(locked.public_id), at=at)
    return locked.reload()


@transaction.atomic
def switch_off(channel: Channel, *, by: Any, at: datetime, reason: str = "") -> Channel:
    """Off: nothing new is written for it, what still waits is given up when its time comes."""
    with audit_context(actor=by):
        locked = lock_row(channel)
        if not locked.is_active:
            raise ChannelRefused(_("%(channel)s is off already.") % {"channel": locked}, code="already_off")
        locked.is_active, locked.disabled_at, locked.disabled_reason = False, at, reason[:200]
        locked.save(update_fields=["is_active", "disabled_at", "disabled_reason"])
    return locked.reload()


@transaction.atomic
def send_test(channel: Channel, *, by: Any, at: datetime) -> list[Delivery]:
    """A harmless message to every recipient, at once and one attempt each, also in quiet hours and while off."""
    subject = _("Test message from HashInsight")
    occurrence = Occurrence(
        source=f"test:{uuid.uuid4()}",
        occasion=Occasion.TEST,
        kind=TEST_KIND,
        key=TEST_KIND,
        severity=Severity.CRITICAL,
        subject=subject,
        body=_("This is only a test. The channel “%(channel)s” works.") % {"channel": channel.name},
        data={"channel_id": str(channel.public_id)},
        at=at,
    )
    with audit_context(actor=by):
        made = deliver_to(channel, None, occurrence, at=at)
    if not made:
        raise ChannelRefused(_("The channel names nobody who could get it."), code="no_recipient")
    return made
