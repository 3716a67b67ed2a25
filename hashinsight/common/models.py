"""Bases of the models, and the record behind ``Idempotency-Key``."""

from typing import Any, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.ids import new_public_id
from hashinsight.common.scoping import ScopedQuerySet


class BaseModel(models.Model):
    """A row the world may know by its ``public_id``; ``version`` counts its changes (kept by a trigger)."""

    public_id = models.UUIDField(_("public id"), default=new_public_id, unique=True, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    updated_at = models.DateTimeField(_("updated at"), default=timezone.now, editable=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    objects: Any = ScopedQuerySet.as_manager()

    class Meta:
        abstract = True

    def reload(self) -> Self:
        """Re-read this row after a write; returns itself."""
        self.refresh_from_db()
        return self


class IdempotencyRecord(models.Model):
    """One ``Idempotency-Key`` of one caller: claimed first, answered in the transaction of the effect.

    A claim without an answer that has expired may be taken over (the process that made it died).
    """

    owner = models.CharField(_("owner"), max_length=64)
    key = models.CharField(_("key"), max_length=255)
    fingerprint = models.CharField(_("fingerprint of the request"), max_length=64)
    claimed_until = models.DateTimeField(_("claimed until"))
    claim_token = models.UUIDField(_("claim token"))
    response_status = models.PositiveSmallIntegerField(_("response status"), null=True)
    response_body = models.JSONField(_("response body"), null=True)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("idempotency record")
        verbose_name_plural = _("idempotency records")
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="common_idempotency_owner_key")]

    def __str__(self) -> str:
        return f"{self.owner} {self.key}"
