"""Who answers at the address of a machine."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import ContactDifference, ContactTrouble


class MinerContact(models.Model):
    """Who answers at the address of a machine, by its own words. Rewritten when that changes, never audited.

    What differs from our own data is noted here and taken over by nobody: a person decides who is right.
    """

    miner = models.OneToOneField(
        "hosting.Miner", verbose_name=_("miner"), primary_key=True, on_delete=models.CASCADE, related_name="contact"
    )
    dialect = models.CharField(_("speaks"), max_length=40, blank=True, default="")
    make = models.CharField(_("maker"), max_length=100, blank=True, default="")
    model = models.CharField(_("model"), max_length=100, blank=True, default="")
    serial = models.CharField(_("serial number"), max_length=100, blank=True, default="")
    mac = models.CharField(_("MAC address"), max_length=40, blank=True, default="")
    firmware = models.CharField(_("firmware"), max_length=100, blank=True, default="")
    firmware_version = models.CharField(_("version of the firmware"), max_length=100, blank=True, default="")
    differs = ArrayField(
        models.CharField(max_length=16, choices=ContactDifference.choices),
        verbose_name=_("says otherwise"),
        default=list,
        blank=True,
    )
    trouble = models.CharField(
        _("why it gives no answer"), max_length=16, choices=ContactTrouble.choices, blank=True, default=""
    )
    detail = models.CharField(_("details"), max_length=200, blank=True, default="")
    asked_in_full_at = models.DateTimeField(_("asked in full at"), null=True, blank=True)
    changed_at = models.DateTimeField(_("so since"))

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact with a machine")
        verbose_name_plural = _("contacts with machines")
        constraints = [
            models.CheckConstraint(
                condition=Q(trouble="") | Q(trouble__in=ContactTrouble.values), name="hosting_contact_trouble_known"
            )
        ]
        indexes = [models.Index(fields=["miner"], condition=~Q(differs=[]), name="hosting_contact_differs")]

    def __str__(self) -> str:
        return f"{self.miner_id} {self.dialect}"
