"""Webhooks of customers: a channel with exactly one rule, and both belong to the customer."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from hashinsight.common.audit import audit_context
from hashinsight.common.transitions import lock_row
from hashinsight.notify.domain import channels
from hashinsight.notify.domain.channels import ChannelRefused
from hashinsight.notify.enums import ChannelKind
from hashinsight.notify.models import Channel, Rule
from hashinsight.notify.registry import client_kinds

MOST_WEBHOOKS = 10


@transaction.atomic
def create_webhook(*, customer_id: int, name: str, url: str, kinds: Collection[str], by: Any, at: datetime) -> Channel:
    """A webhook for the customer's own events; its signing secret is on the object returned, and shown this once."""
    with audit_context(actor=by):
        if Channel.objects.filter(customer_id=customer_id).count() >= MOST_WEBHOOKS:
            text = _("A customer has at most %(most)s webhooks.") % {"most": MOST_WEBHOOKS}
            raise ChannelRefused(text, code="too_many_webhooks")
        wanted = _checked(kinds)
        channel = channels.create_channel(
            by=by, at=at, name=name, kind=ChannelKind.WEBHOOK, address=url, customer_id=customer_id
        )
        Rule.objects.create(name=name[:100], channel=channel, kinds=wanted, only_customer_id=customer_id, created_at=at)
    return channel


@transaction.atomic
def change_webhook(channel: Channel, *, changes: Mapping[str, Any], by: Any) -> Channel:
    """Change ``name``, ``url`` or ``kinds``."""
    with audit_context(actor=by):
        locked = lock_row(channel)
        if "kinds" in changes:
            Rule.objects.filter(channel=locked).update(kinds=_checked(changes["kinds"]))
        columns = {"name": "name", "url": "address"}
        return channels.change_channel(
            locked, changes={columns[key]: value for key, value in changes.items() if key in columns}, by=by
        )


def _checked(kinds: Collection[str]) -> list[str]:
    wanted = sorted(set(kinds))
    unknown = [kind for kind in wanted if kind not in client_kinds()]
    if unknown or not wanted:
        known = ", ".join(client_kinds())
        raise ValidationError({"kinds": _("Choose from: %(known)s.") % {"known": known}})
    return wanted
