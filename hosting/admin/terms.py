"""Hosting terms: drafts are edited, agreed ones amended and ended."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from crm.admin.contract import ContractAdmin
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import day_text, number_text
from hashinsight.common.admin.inlines import ViewOnlyInline
from hosting import rules
from hosting.admin.usage import figures_link
from hosting.domain import caps
from hosting.domain import terms as domain
from hosting.forms.terms import AmendForm, EndForm
from hosting.models import HostingTerms


class TermsPage(ConfirmPage):
    """What the moves of terms share."""

    power = "agree_hostingterms"

    def effect(self) -> Effect:
        """What the terms say."""
        terms = self.objects[0]
        return Effect(
            facts=[
                (_("contract"), terms.contract),
                (_("place"), terms.zone or terms.site),
                (_("price plan"), terms.price_plan),
                (_("contracted power (kW)"), number_text(terms.contracted_kw)),
                (_("valid from"), day_text(terms.valid_from)),
                (_("valid to"), day_text(terms.valid_to) or _("as long as the contract")),
            ]
        )


class AgreePage(TermsPage):
    """Put them in force."""

    label = gettext_lazy("Agree")
    icon = "handshake"
    title = gettext_lazy("Agree on the terms")
    button = gettext_lazy("Agree")

    def effect(self) -> Effect:
        """And what that means."""
        effect = super().effect()
        effect.warnings.append(_("Agreed terms never change; they are amended from a day on."))
        return effect

    def run(self, obj: HostingTerms, form: Any) -> Any:
        """One domain call."""
        domain.agree_terms(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The terms are agreed.")


class AmendPage(TermsPage):
    """Other terms from a day on."""

    label = gettext_lazy("Amend")
    icon = "edit_note"
    title = gettext_lazy("Amend the terms")
    button = gettext_lazy("Amend")
    form_class = AmendForm
    amended: HostingTerms | None = None

    def run(self, obj: HostingTerms, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        self.amended = domain.amend_terms(
            obj, on=data["on"], changes=form.changes, reason=data["reason"], by=self.request.user, at=timezone.now()
        )
        above = caps.above_later_cap(self.amended)
        if above is not None:
            messages.warning(self.request, caps.in_words(above))

    def goes_to(self, worked: list[Any]) -> str:
        """To the new terms."""
        return str(self.model_admin.url_of("change", self.amended.pk)) if self.amended else self.back_url()

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The old terms end, the new ones begin.")


class EndPage(TermsPage):
    """End them on a day."""

    label = gettext_lazy("End")
    icon = "event_busy"
    danger = True
    title = gettext_lazy("End the terms")
    button = gettext_lazy("End")
    form_class = EndForm

    def run(self, obj: HostingTerms, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        domain.end_terms(obj, on=data["on"], reason=data["reason"], by=self.request.user)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The terms end.")


@admin.register(HostingTerms)
class HostingTermsAdmin(BaseAdmin):
    """Terms."""

    list_display = (
        "contract", "customer_shown", "place_shown", "price_plan", "power_shown", "valid_from", "valid_to", "agreed_at",
    )  # fmt: skip
    list_select_related = ("contract__customer", "site", "zone__site", "price_plan")
    list_filter = (
        ("site", AutocompleteSelectFilter),
        ("zone", AutocompleteSelectFilter),
        ("price_plan", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        ("valid_from", RangeDateFilter),
        ("agreed_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("contract__number", "contract__title", "contract__customer__company_name", "site__name")
    ordering = ("-valid_from", "-id")
    fieldsets = (
        (None, {"fields": (("contract", "kind"), ("site", "zone"), ("valid_from", "valid_to", "agreed_at"))}),
        (
            gettext_lazy("Price"),
            {"fields": (("price_plan", "basis"), ("contracted_kw", "cap_kw", "standing_shown"), "usage_shown")},
        ),
        (
            gettext_lazy("Curtailment"),
            {
                "fields": (
                    ("curtailment", "curtailment_notice_minutes", "curtailment_share_percent"),
                    ("on_stale", "on_stale_max_minutes"),
                )
            },
        ),
        (gettext_lazy("Amendment"), {"classes": ["collapse"], "fields": (("amends", "reason"),)}),
    )
    readonly_fields = ("agreed_at", "amends", "reason", "standing_shown", "usage_shown")
    pages = {"agree": AgreePage, "amend": AmendPage, "end": EndPage}
    has_agree_hostingterms_permission = power(rules.may_agree_hostingterms)

    @admin.display(description=gettext_lazy("usage"))
    def usage_shown(self, terms: HostingTerms) -> Any:
        return figures_link(self.admin_site, terms) if terms.pk and terms.agreed_at else ""

    @admin.display(description=gettext_lazy("standing there (kW)"))
    def standing_shown(self, terms: HostingTerms) -> str:
        """What the cap is held against, on the day the terms begin where they do so later."""
        if not (terms.pk and terms.agreed_at):
            return "–"
        return number_text(caps.standing_under(terms, max(terms.valid_from, timezone.localdate())))

    @admin.display(description=gettext_lazy("customer"), ordering="contract__customer__company_name")
    def customer_shown(self, terms: HostingTerms) -> Any:
        return terms.contract.customer

    @admin.display(description=gettext_lazy("place"), ordering="site__name")
    def place_shown(self, terms: HostingTerms) -> Any:
        return terms.zone or terms.site

    @display(description=gettext_lazy("contracted (kW)"), ordering="contracted_kw")
    def power_shown(self, terms: HostingTerms) -> str:
        return number_text(terms.contracted_kw)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While they are a draft."""
        return (obj is None or obj.agreed_at is None) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """While they are a draft."""
        return (obj is None or obj.agreed_at is None) and super().has_delete_permission(request, obj)

    def offered(self, request: HttpRequest, obj: HostingTerms) -> set[str]:
        """What can be done now."""
        return {"agree"} if obj.agreed_at is None else {"amend", "end"}

    def save_model(self, request: HttpRequest, obj: HostingTerms, form: Any, change: bool) -> None:
        """A new draft through the domain."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.adopt(obj, domain.draft_terms(at=timezone.now(), **form.cleaned_data))


class TermsInline(ViewOnlyInline):
    """The terms of a contract, on its page."""

    model = HostingTerms
    fields = ("site", "zone", "price_plan", "contracted_kw", "valid_from", "valid_to", "agreed_at")
    ordering = ("-valid_from", "-id")


# The commercial app knows no steel; its page shows what apps above hang on a contract.
ContractAdmin.inlines = (*ContractAdmin.inlines, TermsInline)
