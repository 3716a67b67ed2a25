"""Backups, drills and the hold, as the person looks at them who answers for them."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.backup.domain.releasing import NotHeld, release_hold, waiting
from hashinsight.backup.enums import BackupState
from hashinsight.backup.models import Backup, RestoreDrill
from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.models import Incarnation

LABELS = {
    BackupState.RUNNING: "primary",
    BackupState.DONE: "success",
    BackupState.FAILED: "danger",
    BackupState.REMOVED: "info",
}
MEGABYTE = 1024 * 1024


@admin.register(Backup)
class BackupAdmin(ViewOnlyAdmin):
    """What could be restored."""

    empty_hint = gettext_lazy(
        "The job backup.nightly makes one each night; on the page of jobs it can be started at once."
    )
    list_display = ("name", "kind", "state_shown", "started_at", "finished_at", "size_shown", "is_encrypted")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("state", ChoicesDropdownFilter),
        ("started_at", RangeDateTimeFilter),
    )
    search_fields = ("name",)
    ordering = ("-started_at", "-id")
    fields = (
        ("name", "kind", "state"),
        ("started_at", "finished_at"),
        ("size_bytes", "is_encrypted", "schema_version"),
        "manifest_sha256",
        "error",
    )

    @display(description=gettext_lazy("state"), label=LABELS, ordering="state")
    def state_shown(self, backup: Backup) -> Any:
        return Badge(backup.state, backup.get_state_display())

    @admin.display(description=gettext_lazy("size"), ordering="size_bytes")
    def size_shown(self, backup: Backup) -> str:
        return f"{backup.size_bytes / MEGABYTE:,.1f} MB"


@admin.register(RestoreDrill)
class RestoreDrillAdmin(ViewOnlyAdmin):
    """Proof that a backup can be restored."""

    empty_hint = gettext_lazy(
        "The job backup.drill restores the newest backup into a scratch place and compares every table."
    )
    list_display = ("started_at", "backup_name", "state_shown", "tables", "row_count", "rto_seconds", "rpo_seconds")
    list_filter = (("state", ChoicesDropdownFilter), ("started_at", RangeDateTimeFilter))
    search_fields = ("backup_name",)
    ordering = ("-started_at", "-id")
    fields = (
        ("backup_name", "state"),
        ("started_at", "finished_at"),
        ("tables", "row_count", "is_exact"),
        "differing",
        "ledger",
        ("rto_seconds", "rpo_seconds"),
        "error",
    )

    @display(description=gettext_lazy("state"), label=LABELS, ordering="state")
    def state_shown(self, drill: RestoreDrill) -> Any:
        return Badge(drill.state, drill.get_state_display())


def _moment(at: datetime | None) -> str:
    return str(moment_text(at)) if at else ""


class ReleasePage(ConfirmPage):
    """Let the house act again, after a look at what waits."""

    power = "release_hold"
    label = gettext_lazy("Release the hold")
    icon = "lock_open"
    title = gettext_lazy("Let the system act again")
    button = gettext_lazy("Release")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """What waits, and what becomes of it."""
        life: Incarnation = self.objects[0]
        if not life.is_current or not life.is_held:
            raise NotHeld(_("Nothing is held: this database may act already."))
        aside, sent = _("set aside; you decide about each"), _("sent")
        rows = [
            (
                line.what,
                line.count,
                moment_text(line.oldest_at) if line.oldest_at else "",
                aside if line.is_old else sent,
            )
            for line in waiting(life)
        ]
        return Effect(
            facts=[
                (_("restored to"), moment_text(life.restored_to) if life.restored_to else _("unknown")),
                (_("held since"), moment_text(life.held_at)),
            ],
            tables=[Table([_("what waits"), _("how many"), _("oldest"), _("on release")], rows, right=(1,))],
            warnings=[
                _(
                    "What was issued and sent between the moment of the backup and the loss is missing here. Compare "
                    "the outgoing mail of that time with the list of invoices before the next one is issued."
                )
            ],
        )

    def run(self, obj: Incarnation, form: Any) -> Any:
        """One domain call."""
        release_hold(obj, by=self.request.user, at=timezone.now(), reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The system acts again. What was set aside stands under due work, failed.")


@admin.register(Incarnation)
class IncarnationAdmin(ViewOnlyAdmin):
    """Lives of this database: since its first start, and since each restore."""

    empty_hint = gettext_lazy(
        "After a restore a new life of the database begins here, held until somebody releases it."
    )
    list_display = ("began_at", "is_current", "is_restored", "restored_to", "held_at", "released_at", "released_by")
    ordering = ("-began_at", "-id")
    fields = (
        ("is_current", "is_restored"),
        ("began_at", "restored_to"),
        ("held_at", "released_at", "released_by"),
        "reason",
        "fingerprint",
    )
    pages = {"release": ReleasePage}
    has_release_hold_permission = power(may("common.release_hold"))

    def offered(self, request: HttpRequest, obj: Incarnation) -> set[str]:
        """The current life, while it is held."""
        return {"release"} if obj.is_current and obj.is_held else set()
