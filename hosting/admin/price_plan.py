"""Price plans: the plan with its versions, and the page of a version with its components."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, Table
from hashinsight.common.admin.display import day_text, link, number_text
from hashinsight.common.admin.history import HistorySource
from hashinsight.common.admin.inlines import BaseInline, ViewOnlyInline
from hosting import rules
from hosting.domain import prices
from hosting.engine.windows import format_windows
from hosting.forms.prices import ComponentForm, VersionForm
from hosting.models import HostingTerms, PriceComponent, PricePlan, PricePlanVersion


class NewVersionPage(ConfirmPage):
    """Begin the next version from the latest one."""

    power = "publish_priceplan"
    label = gettext_lazy("New version")
    icon = "difference"
    title = gettext_lazy("New version of the price plan")
    button = gettext_lazy("Draft it")
    form_class = VersionForm
    drafted: PricePlanVersion | None = None

    def effect(self) -> Effect:
        """What holds now, and who pays by it."""
        plan = self.objects[0]
        latest = plan.versions.order_by("-number").first()
        terms = HostingTerms.objects.filter(price_plan=plan, agreed_at__isnull=False).count()
        return Effect(
            facts=[(_("latest version"), latest or _("none yet")), (_("terms with this plan"), terms)],
            warnings=[_("The draft begins with the components of the latest version. It holds once it is published.")],
        )

    def run(self, obj: PricePlan, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        self.drafted = prices.draft_version(obj, valid_from=data["valid_from"], note=data["note"], at=timezone.now())

    def goes_to(self, worked: list[Any]) -> str:
        """To the draft."""
        page = self.model_admin.admin_site._registry[PricePlanVersion]
        return str(page.url_of("change", self.drafted.pk)) if self.drafted else self.back_url()

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The draft is there. Edit its components, then publish it.")


class PublishPage(ConfirmPage):
    """Freeze a version."""

    power = "publish_priceplan"
    label = gettext_lazy("Publish")
    icon = "verified"
    title = gettext_lazy("Publish the version")
    button = gettext_lazy("Publish")

    def effect(self) -> Effect:
        """Its components, and which version ends."""
        version = self.objects[0]
        prices.check_publishable(version)
        ending = prices.version_on(version.plan, version.valid_from)
        rows = [
            (
                component.get_kind_display(),
                component.description,
                number_text(component.price),
                format_windows(prices.windows_of(component)).replace("\n", "; "),
            )
            for component in version.components.prefetch_related("windows")
        ]
        effect = Effect(
            facts=[(_("valid from"), day_text(version.valid_from)), (_("currency"), version.plan.currency)],
            tables=[Table((_("kind"), _("text on the invoice"), _("price"), _("hours")), rows, right=(2,))],
            warnings=[_("A published version never changes; the next change is the next version.")],
        )
        if ending is not None:
            effect.changes = [(_("%(version)s ends") % {"version": ending}, "", day_text(version.valid_from))]
        return effect

    def run(self, obj: PricePlanVersion, form: Any) -> Any:
        """One domain call."""
        prices.publish_version(obj, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The version is published.")


class VersionInline(ViewOnlyInline):
    """The versions of a plan."""

    model = PricePlanVersion
    fields = ("number", "valid_from", "valid_to", "published_at", "note")
    ordering = ("-number",)


class ComponentInline(BaseInline):
    """What a version charges; settled once it is published."""

    model = PriceComponent
    form = ComponentForm
    fields = (
        "position", "kind", "description", "price", "hours", "other_hours", "ratchet_percent", "ratchet_months",
        "market_series", "market_factor",
    )  # fmt: skip
    ordering = ("position", "id")
    max_num = 50
    shown = ("position", "kind_shown", "description", "price_shown", "hours_shown", "more_shown")

    def get_queryset(self, request: HttpRequest) -> Any:
        """With their windows."""
        return super().get_queryset(request).prefetch_related("windows")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """In few columns where nobody can type."""
        return super().get_fields(request, obj) if self.has_change_permission(request, obj) else self.shown

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The same under names of their own; two of them are typed where somebody can."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if self.has_change_permission(request, obj) else (*fixed, *self.shown)

    @admin.display(description=gettext_lazy("kind"))
    def kind_shown(self, component: PriceComponent) -> Any:
        return format_html('<span class="whitespace-nowrap">{}</span>', component.get_kind_display())

    @admin.display(description=gettext_lazy("price"))
    def price_shown(self, component: PriceComponent) -> str:
        return number_text(component.price)

    @admin.display(description=gettext_lazy("hours"))
    def hours_shown(self, component: PriceComponent) -> Any:
        if component.other_hours:
            return _("all others")
        text = format_windows(prices.windows_of(component)) or _("all")
        return format_html('<span class="whitespace-pre">{}</span>', text)

    @admin.display(description=gettext_lazy("further"))
    def more_shown(self, component: PriceComponent) -> str:
        if component.ratchet_percent is not None:
            share = number_text(component.ratchet_percent)
            return _("ratchet of %(share)s %% over %(months)s months") % {
                "share": share,
                "months": component.ratchet_months,
            }
        if component.market_factor is not None:
            return f"{component.market_series} × {number_text(component.market_factor)}"
        return ""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is a draft."""
        return (obj is None or obj.published_at is None) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is a draft."""
        return (obj is None or obj.published_at is None) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is a draft."""
        return (obj is None or obj.published_at is None) and super().has_delete_permission(request, obj)


@admin.register(PricePlan)
class PricePlanAdmin(BaseAdmin):
    """Plans."""

    list_display = ("name", "currency", "zone", "version_shown", "is_active")
    list_select_related = ("zone__site",)
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("currency", ChoicesDropdownFilter),
        ("zone", AutocompleteSelectFilter),
    )
    search_fields = ("name", "description")
    ordering = ("name",)
    fields = (("name", "is_active"), ("currency", "zone"), "description")
    inlines = (VersionInline,)
    history_children = (HistorySource(PricePlanVersion, "plan_id"),)
    pages = {"version": NewVersionPage}
    has_publish_priceplan_permission = power(rules.may_publish_priceplan)

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the version in force."""
        return prices.with_current_version(super().get_queryset(request), on=timezone.localdate())

    @display(description=gettext_lazy("version in force"))
    def version_shown(self, plan: Any) -> str:
        return f"v{plan.current_number}" if plan.current_number else _("none")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The currency of a plan with versions is settled."""
        settled = ("currency", "zone") if obj is not None and obj.versions.exists() else ()
        return (*super().get_readonly_fields(request, obj), *settled)

    def save_model(self, request: HttpRequest, obj: PricePlan, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.adopt(obj, prices.create_plan(at=timezone.now(), **form.cleaned_data))


@admin.register(PricePlanVersion)
class PricePlanVersionAdmin(BaseAdmin):
    """Versions; made from the page of their plan."""

    list_display = ("plan", "number", "valid_from", "valid_to", "published_at", "note")
    list_select_related = ("plan",)
    list_filter = (("plan", AutocompleteSelectFilter), ("published_at", admin.EmptyFieldListFilter))
    search_fields = ("plan__name", "note")
    ordering = ("plan__name", "-number")
    fields = (("plan_shown", "number"), ("valid_from", "valid_to", "published_at"), "missing_rule", "note")
    readonly_fields = ("plan_shown", "number", "published_at", "valid_to")
    inlines = (ComponentInline,)
    history_children = (HistorySource(PriceComponent, "plan_version_id"),)
    pages = {"publish": PublishPage}
    has_publish_priceplan_permission = power(rules.may_publish_priceplan)

    @admin.display(description=gettext_lazy("price plan"))
    def plan_shown(self, version: PricePlanVersion) -> Any:
        page: Any = self.admin_site._registry[PricePlan]
        return link(page.url_of("change", version.plan_id), version.plan)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """From the plan."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is a draft."""
        return (obj is None or obj.published_at is None) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While it is a draft."""
        return (obj is None or obj.published_at is None) and super().has_delete_permission(request, obj)

    def offered(self, request: HttpRequest, obj: Any) -> set[str]:
        """A draft can be published."""
        return {"publish"} if obj.published_at is None else set()
