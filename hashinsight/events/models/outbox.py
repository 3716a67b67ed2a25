"""The outbox row."""

import pgtrigger
from django.db import models
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.ids import new_public_id
from hashinsight.events.enums import OutboxStatus

# Relays listen here; a commit with new events rings once, however many they are.
WAKE_CHANNEL = "hashinsight_events"


class OutboxEvent(models.Model):
    """One business fact, for whoever wants to know; written in the same transaction as the fact.

    pending    not yet taken up by a relay
    held       some consumer is still to have it: it failed there, waits behind one that did, or is replayed
    processed  every consumer has had it
    failed     a consumer gave it up after several attempts (see its dead letter); a person looks

    Customer and user are plain values: an event outlives the rows it speaks of.
    """

    event_id = models.UUIDField(_("event id"), default=new_public_id, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=100)
    schema_version = models.PositiveSmallIntegerField(_("schema version"), default=1)
    aggregate_type = models.CharField(_("aggregate type"), max_length=100)
    aggregate_id = models.CharField(_("aggregate id"), max_length=64)
    customer_id = models.BigIntegerField(_("customer id"), null=True, blank=True)
    user_id = models.UUIDField(_("user id"), null=True, blank=True)
    payload = models.JSONField(_("payload"))
    idempotency_key = models.CharField(_("idempotency key"), max_length=255, null=True, blank=True, unique=True)
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    status = models.CharField(_("status"), max_length=16, choices=OutboxStatus.choices, default=OutboxStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    processed_at = models.DateTimeField(_("processed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("outbox event")
        verbose_name_plural = _("outbox events")
        indexes = [
            models.Index(fields=["kind"], name="events_outbox_kind"),
            models.Index(fields=["created_at"], name="events_outbox_created"),
            models.Index(
                fields=["aggregate_type", "aggregate_id", "id"],
                condition=models.Q(status="pending"),
                name="events_outbox_pending",
            ),
            models.Index(fields=["id"], condition=models.Q(status="pending"), name="events_outbox_queue"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="wake_relay",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                func=f"PERFORM pg_notify('{WAKE_CHANNEL}', ''); RETURN NULL;",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=OutboxStatus.values), name="events_outbox_status_known"
            ),
            models.CheckConstraint(
                condition=Exact(
                    models.Func("payload", function="jsonb_typeof", output_field=models.CharField()),
                    models.Value("object"),
                ),
                name="events_outbox_payload_object",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
