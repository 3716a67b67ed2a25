"""Bases of the models, the record behind ``Idempotency-Key``, and the lives of the database."""

from typing import Any, Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
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


@tracked()
class Incarnation(BaseModel):
    """One life of this database: from its first start, or from a restore, to the next one.

    A restored database does not know what was sent between the moment it shows and the moment it was lost. So a new
    life begins held: nothing leaves the house until a person has looked and released it.
    """

    fingerprint = models.CharField(_("fingerprint of the database"), max_length=100)
    is_current = models.BooleanField(_("current"), default=True)
    is_restored = models.BooleanField(_("restored from a backup"), default=False)
    restored_to = models.DateTimeField(_("restored to"), null=True, blank=True)
    began_at = models.DateTimeField(_("began at"), default=timezone.now)
    held_at = models.DateTimeField(_("held since"), null=True, blank=True)
    released_at = models.DateTimeField(_("released at"), null=True, blank=True)
    released_by = models.CharField(_("released by"), max_length=254, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("life of the database")
        verbose_name_plural = _("lives of the database")
        constraints = [
            models.UniqueConstraint(
                fields=["is_current"], condition=models.Q(is_current=True), name="common_incarnation_one_current"
            ),
            models.CheckConstraint(
                condition=models.Q(released_at__isnull=True) | models.Q(held_at__isnull=False),
                name="common_incarnation_released_was_held",
            ),
        ]
        permissions = [("release_hold", _("Can let a restored system act again"))]

    def __str__(self) -> str:
        return f"{self.public_id} {self.began_at:%Y-%m-%d %H:%M}"

    @property
    def is_held(self) -> bool:
        """Nothing may leave the house."""
        return self.held_at is not None and self.released_at is None
