"""How long rows are kept, what is held, and what was deleted."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, FieldTextFilter, RangeDateTimeFilter

from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import moment_text
from hashinsight.common.admin.forms import HouseForm
from hashinsight.common.admin.widgets import dress
from hashinsight.jobs import retention as registry
from hashinsight.jobs.domain import retention
from hashinsight.jobs.models import LegalHold, RetentionPolicy, RetentionReport


class PolicyForm(HouseForm):
    """Days within what the kind allows."""

    def clean_keep_days(self) -> int:
        """Never below the minimum of the kind."""
        days: int = self.cleaned_data["keep_days"]
        if days < self.instance.minimum_days:
            text = _("At least %(days)s days: the law or the product needs them.")
            raise forms.ValidationError(text % {"days": self.instance.minimum_days})
        return days


class DryRunPage(ConfirmPage):
    """What a policy would delete today."""

    power = "run_retention"
    label = gettext_lazy("Dry run")
    icon = "preview"
    title = gettext_lazy("What would be deleted now")
    button = gettext_lazy("Keep as a report")

    def effect(self) -> Effect:
        """Counts, examples, and what is held."""
        policy = self.objects[0]
        found = retention.preview(policy, at=timezone.now())
        count = _("more than %(n)s") % {"n": found.count} if found.is_capped else found.count
        held = sum(len(keys) for keys in found.held.keys.values())
        facts = [
            (_("kind"), kind_label(policy.kind)),
            (_("rows before"), moment_text(found.cutoff)),
            (_("rows due"), count),
            (_("protected by legal holds"), held),
        ]
        tables = [Table([_("oldest rows")], [[row] for row in found.examples])] if found.examples else []
        return Effect(facts=facts, tables=tables)

    def run(self, obj: RetentionPolicy, form: Any) -> Any:
        """One domain call."""
        retention.dry_run(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The dry run is kept as a report; nothing was deleted.")


def kind_label(name: str) -> str:
    """The kind in words."""
    kind = registry.find_kind(name)
    return str(kind.label) if kind is not None else name


@admin.register(RetentionPolicy)
class RetentionPolicyAdmin(BaseAdmin):
    """One row for each kind of rows that may be deleted; they come from the apps and cannot be added."""

    form = PolicyForm
    list_display = ("label_shown", "what_shown", "keep_days", "minimum_days", "is_enabled")
    search_fields = ("kind",)
    ordering = ("kind",)
    fields = (("label_shown", "kind"), "what_shown", ("keep_days", "minimum_days"), "is_enabled", "for_good_shown")
    readonly_fields = ("label_shown", "kind", "what_shown", "minimum_days", "for_good_shown")
    pages = {"dry-run": DryRunPage}
    has_run_retention_permission = power(may("jobs.run_retention"))

    @admin.display(description=gettext_lazy("rows"), ordering="kind")
    def label_shown(self, policy: RetentionPolicy) -> str:
        return kind_label(policy.kind)

    @admin.display(description=gettext_lazy("which"))
    def what_shown(self, policy: RetentionPolicy) -> str:
        kind = registry.find_kind(policy.kind)
        return str(kind.what) if kind is not None else ""

    @admin.display(description=gettext_lazy("never deleted"))
    def for_good_shown(self, policy: RetentionPolicy) -> str:
        """What no policy reaches."""
        tables = {str(apps.get_model(table)._meta.verbose_name_plural) for table, _why in registry.kept_for_good()}
        return ", ".join(sorted(tables)) + ", " + _("and the whole history")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come from the apps."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A policy that should not delete is switched off."""
        return False

    def save_model(self, request: HttpRequest, obj: RetentionPolicy, form: Any, change: bool) -> None:
        """One domain call."""
        retention.change_policy(
            obj, keep_days=obj.keep_days, is_enabled=obj.is_enabled, by=request.user, at=timezone.now()
        )
        obj.refresh_from_db()


class HoldForm(HouseForm):
    """What is held, by what a person knows of it."""

    subject = forms.ChoiceField(label=gettext_lazy("About"))
    text = forms.CharField(
        label=gettext_lazy("Name or number"),
        max_length=200,
        help_text=gettext_lazy("The name of the customer, or the number of the invoice."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)

    class Meta:
        model = LegalHold
        fields = ("reason",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "subject" in self.fields:
            self.fields["subject"].choices = [(one.name, one.label) for one in registry.subjects()]  # type: ignore[attr-defined]
        dress(self)


class ReleasePage(ConfirmPage):
    """The hold ends."""

    power = "release_legalhold"
    form_class = ReasonForm
    label = gettext_lazy("Release")
    icon = "lock_open"
    title = gettext_lazy("Release legal hold")
    button = gettext_lazy("Release")

    def effect(self) -> Effect:
        """What it protected."""
        hold = self.objects[0]
        return Effect(
            facts=[(_("about"), hold), (_("reason"), hold.reason), (_("placed by"), hold.placed_by)],
            warnings=[_("From the next night on its old rows may be deleted.")],
        )

    def run(self, obj: LegalHold, form: Any) -> Any:
        """One domain call."""
        retention.release_hold(obj, reason=form.cleaned_data["reason"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The hold is released.")


@admin.register(LegalHold)
class LegalHoldAdmin(BaseAdmin):
    """What must not be deleted, for whatever reason; placed here, ended by its button."""

    list_display = ("label", "subject_shown", "reason", "placed_by", "placed_at", "released_at")
    list_filter = (("placed_at", RangeDateTimeFilter),)
    search_fields = ("label", "reason")
    ordering = ("-placed_at", "-id")
    pages = {"release": ReleasePage}
    has_release_legalhold_permission = power(may("jobs.release_legalhold"))

    @admin.display(description=gettext_lazy("about"), ordering="subject")
    def subject_shown(self, hold: LegalHold) -> str:
        subject = registry.find_subject(hold.subject)
        return str(subject.label) if subject is not None else hold.subject

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """A form of its own for placing; afterwards all is read-only."""
        if obj is None:
            kwargs["form"] = HoldForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What to say when placing, what was said afterwards."""
        if obj is None:
            return [(None, {"fields": ("subject", "text", "reason")})]
        shown = (("label", "subject_shown"), "reason", ("placed_by", "placed_at"))
        ended = (("released_by", "released_at"), "release_reason")
        return [(None, {"fields": shown + ended if obj.released_at else shown})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """All of it, once placed."""
        if obj is None:
            return ()
        placed = ("label", "subject_shown", "reason", "placed_by", "placed_at")
        return (*placed, "released_by", "released_at", "release_reason")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A hold is not edited."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nor deleted: it is released, and stays on record."""
        return False

    def save_model(self, request: HttpRequest, obj: LegalHold, form: Any, change: bool) -> None:
        """One domain call."""
        said = form.cleaned_data
        placed = retention.place_hold(
            said["subject"], text=said["text"], reason=said["reason"], by=request.user, at=timezone.now()
        )
        self.adopt(obj, placed)

    def offered(self, request: HttpRequest, obj: LegalHold) -> set[str]:
        """Standing holds only."""
        return set() if obj.released_at else {"release"}


@admin.register(RetentionReport)
class RetentionReportAdmin(ViewOnlyAdmin):
    """What each run of each policy found and deleted."""

    list_display = ("label_shown", "started_at", "cutoff", "due_count", "deleted_count", "is_dry_run", "error_shown")
    list_filter = (
        ("kind", FieldTextFilter),
        ("is_dry_run", BooleanRadioFilter),
        ("started_at", RangeDateTimeFilter),
    )
    ordering = ("-started_at", "-id")
    fields = (
        ("label_shown", "kind", "is_dry_run"),
        ("keep_days", "cutoff"),
        ("due_count", "deleted_count"),
        "examples",
        ("started_by", "started_at", "finished_at"),
        "error",
    )
    readonly_fields = ("label_shown",)

    @admin.display(description=gettext_lazy("rows"), ordering="kind")
    def label_shown(self, report: RetentionReport) -> str:
        return kind_label(report.kind)

    @admin.display(description=gettext_lazy("error"))
    def error_shown(self, report: RetentionReport) -> str:
        return report.error[:100]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Without the examples, which can be long."""
        return super().get_queryset(request).defer("examples")
