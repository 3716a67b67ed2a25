"""A file of machines on its way into the fleet."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import ImportState


@tracked(exclude=["content", "report", "problems"])
class MinerImport(BaseModel):
    """One uploaded file of machines: what its dry run said, who confirmed it, and what came of it. All rows or none.

    uploaded   waits for its dry run
    checked    the dry run went well; a person may confirm it
    refused    the dry run found problems; the file has to be mended and uploaded again
    confirmed  its rows are being entered
    done       all of them are in the fleet
    failed     something had changed since the dry run; nothing was entered
    """

    file_name = models.CharField(_("file"), max_length=200, editable=False)
    sha256 = models.CharField(
        _("SHA-256"), max_length=64, editable=False, validators=[RegexValidator(r"^[0-9a-f]{64}$")]
    )
    content = models.BinaryField(_("content"), editable=False)
    state = models.CharField(
        _("state"), max_length=16, choices=ImportState.choices, default=ImportState.UPLOADED, editable=False
    )
    report = models.JSONField(_("report"), default=dict, editable=False)
    problems = models.JSONField(_("problems"), default=list, editable=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("uploaded by"),
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("confirmed by"),
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, editable=False)
    done_at = models.DateTimeField(_("done at"), null=True, editable=False)
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="", editable=False)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("import of miners")
        verbose_name_plural = _("imports of miners")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="hosting_minerimport_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["uploaded", "checked", "refused"]) | Q(confirmed_at__isnull=False),
                name="hosting_minerimport_confirmed_has_moment",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="hosting_minerimport_created")]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.created_at:%Y-%m-%d %H:%M})"
