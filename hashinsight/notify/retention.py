"""How long messages and alerts are kept."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from hashinsight.jobs.retention import Held, RetentionKind, register_kind
from hashinsight.notify.enums import AlertState, DeliveryState
from hashinsight.notify.models import Alert, Delivery


def _messages(before: datetime, held: Held) -> QuerySet[Any]:
    rows: QuerySet[Any] = Delivery.objects.exclude(state=DeliveryState.PENDING).filter(created_at__lt=before)
    kept = held.ids("crm.customer")
    return rows.exclude(customer_id__in=kept) if kept else rows


def _alerts(before: datetime, held: Held) -> QuerySet[Any]:
    told = Delivery.objects.filter(alert=OuterRef("pk"))
    rows: QuerySet[Any] = Alert.objects.filter(state=AlertState.ENDED, ended_at__lt=before).exclude(Exists(told))
    kept = held.ids("crm.customer")
    return rows.exclude(customer_id__in=kept) if kept else rows


def register() -> None:
    """Called once from ``ready()``."""
    register_kind(
        RetentionKind(
            name="notify.messages",
            label=_("Messages that were sent"),
            what=_("The delivery log, by the moment a message was written. What is still on its way stays."),
            table="notify.Delivery",
            moment="created_at",
            rows=_messages,
            keep_days=90,
            minimum_days=7,
        )
    )
    register_kind(
        RetentionKind(
            name="notify.alerts",
            label=_("Alerts that are over"),
            what=_("Alerts, by their end, once no message about them is kept any more."),
            table="notify.Alert",
            moment="ended_at",
            rows=_alerts,
            keep_days=365,
            minimum_days=30,
        )
    )
