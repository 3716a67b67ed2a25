"""Leads: list, page, moving, converting, losing."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from unfold.contrib.filters.admin import (
    AutocompleteSelectFilter,
    BooleanRadioFilter,
    MultipleChoicesDropdownFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from crm import rules
from crm.admin import labels
from crm.admin.export_columns import LEAD_COLUMNS
from crm.admin.imports import LeadResource
from crm.admin.value import ValueAdmin
from crm.domain import leads
from crm.enums import LEAD_MOVES, LeadStatus
from crm.forms.leads import MoveLeadForm
from crm.models import Customer, Lead
from hashinsight.common.admin.actions import limited, power, run_for_each
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import Badge, day_text, money_cell, money_text
from hashinsight.common.admin.importing import ImportPage
from hashinsight.common.transitions import MoveRefused


class _LeadPage(ConfirmPage):
    """What the pages about leads share."""

    target: LeadStatus

    def check(self) -> None:
        """Refuse before the button is shown, in the words of the move itself."""
        for lead in self.objects if len(self.objects) == 1 else ():
            if self.target not in LEAD_MOVES[LeadStatus(lead.status)]:
                raise MoveRefused(_("%(lead)s is %(state)s.") % {"lead": lead, "state": lead.get_status_display()})

    def facts(self) -> list[tuple[Any, Any]]:
        lead = self.objects[0]
        return [
            (_("company"), lead.company or lead.name),
            (_("status"), lead.get_status_display()),
            (_("expected value"), money_text(lead.value, lead.currency)),
            (pgettext("salesperson", "owner"), lead.owner or ""),
        ]


def is_without_deal(lead: Lead) -> bool:
    """Whether it is won, and its deal was deleted as a draft."""
    return lead.status == LeadStatus.WON and leads.deal_of(lead) is None


class ConvertLeadPage(_LeadPage):
    """Win: customer found or made, one deal."""

    power = "convert_lead"
    label = gettext_lazy("Convert")
    icon = "handshake"
    title = gettext_lazy("Convert lead")
    button = gettext_lazy("Convert into a deal")
    target = LeadStatus.WON
    again = False

    def effect(self) -> Effect:
        """Which customer it will be, and the deal."""
        lead = self.objects[0]
        self.again = is_without_deal(lead)
        if not self.again:
            self.check()
        known = lead.customer or (Customer.objects.filter(email__iexact=lead.email).first() if lead.email else None)
        name = lead.company or lead.name or lead.title
        effect = Effect(facts=[*self.facts(), (_("new deal"), f"{lead.title} ({_('draft')})")])
        if known is not None:
            effect.facts.append((_("customer"), _("%(name)s (known already)") % {"name": known}))
        else:
            same = Customer.objects.filter(company_name__iexact=name)[:2]
            found = _("%(name)s (known by name, if the addresses do not differ)") if same else _("%(name)s (new)")
            effect.facts.append((_("customer"), found % {"name": name}))
        if self.again:
            effect.warnings.append(_("The draft of its deal was deleted; a new one is made for the same customer."))
        if lead.value is None:
            effect.warnings.append(_("No expected value is known; the deal begins with 0."))
        if not lead.email and not lead.customer:
            effect.warnings.append(_("No e-mail address is known; invoices cannot be sent until one is entered."))
        return effect

    def run(self, obj: Lead, form: Any) -> Any:
        """One domain call."""
        self.again = is_without_deal(obj)
        self.deal = leads.convert_lead(obj, by=self.request.user, at=timezone.now())

    def goes_to(self, worked: list[Any]) -> str:
        """To the deal, where the work goes on."""
        if self.request.user.has_perm("crm.view_deal"):
            return reverse("admin:crm_deal_change", args=[self.deal.pk])
        return super().goes_to(worked)

    def done(self, count: int) -> str:
        """Said afterwards."""
        if self.again:
            return _("The draft of its deal had been deleted; “%(deal)s” is new.") % {"deal": self.deal}
        return _("The lead was converted into the deal “%(deal)s”.") % {"deal": self.deal}


class MoveLeadPage(_LeadPage):
    """Along the way: contacted, qualified, negotiation."""

    power = "move_lead"
    label = gettext_lazy("Move")
    icon = "arrow_forward"
    title = gettext_lazy("Move lead")
    button = gettext_lazy("Move")
    form_class = MoveLeadForm

    def effect(self) -> Effect:
        """Where it stands."""
        lead = self.objects[0]
        if not MoveLeadForm.targets(lead):
            raise MoveRefused(_("%(lead)s is %(state)s.") % {"lead": lead, "state": lead.get_status_display()})
        return Effect(facts=self.facts())

    def run(self, obj: Lead, form: Any) -> Any:
        """One domain call."""
        cleaned = form.cleaned_data
        leads.move_lead(obj, to=cleaned["to"], by=self.request.user, at=timezone.now(), reason=cleaned["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The lead was moved.")


class LoseLeadPage(_LeadPage):
    """Came to nothing, with the reason."""

    power = "move_lead"
    for_many = True
    label = gettext_lazy("Lose")
    icon = "thumb_down"
    danger = True
    title = gettext_lazy("Lose lead")
    button = gettext_lazy("Mark as lost")
    form_class = ReasonForm
    target = LeadStatus.LOST

    def effect(self) -> Effect:
        """Which leads."""
        self.check()
        if len(self.objects) == 1:
            return Effect(facts=self.facts())
        return Effect(facts=[(_("leads"), "\n".join(str(lead) for lead in self.objects))])

    def run(self, obj: Lead, form: Any) -> Any:
        """One domain call."""
        reason = form.cleaned_data["reason"]
        leads.move_lead(obj, to=LeadStatus.LOST, by=self.request.user, at=timezone.now(), reason=reason)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s lead was marked as lost.", "%(n)s leads were marked as lost.", count) % {"n": count}


class ImportLeadsPage(ImportPage):
    """Leads from a file."""

    power = "import_lead"
    title = gettext_lazy("Import leads")
    resource_class = LeadResource


@admin.register(Lead)
class LeadAdmin(ValueAdmin):
    """Leads."""

    list_display = (
        "title_shown",
        "company",
        "status_shown",
        "source",
        "score",
        "value_shown",
        "owner",
        "created_shown",
    )
    list_display_links = ("title_shown",)
    list_select_related = ("owner",)
    list_filter = (
        ("status", MultipleChoicesDropdownFilter),
        ("source", MultipleChoicesDropdownFilter),
        ("owner", AutocompleteSelectFilter),
        ("created_at", RangeDateTimeFilter),
        ("is_sample", BooleanRadioFilter),
    )
    search_fields = ("title", "company", "name", "email")
    ordering = ("-created_at", "-id")
    fieldsets = (
        (None, {"fields": (("title", "status"), ("company", "customer"), ("name", "email", "phone"))}),
        (gettext_lazy("Prospect"), {"fields": (("source", "score", "owner"), ("value", "currency", "time_zone"))}),
        (gettext_lazy("Course"), {"fields": ("internal_note", ("lost_reason", "converted_at", "source_ref"))}),
    )
    readonly_fields = ("status", "lost_reason", "converted_at", "source_ref")
    actions = ("convert_selected", "lose_selected")
    pages = {"convert": ConvertLeadPage, "move": MoveLeadPage, "lose": LoseLeadPage, "import": ImportLeadsPage}
    export_columns = LEAD_COLUMNS
    has_convert_lead_permission = power(rules.may_convert_lead)
    has_move_lead_permission = power(rules.may_move_lead)
    has_import_lead_permission = power(rules.may_import_lead)

    @display(description=gettext_lazy("lead"), ordering="title")
    def title_shown(self, lead: Lead) -> str:
        return lead.title

    @display(description=gettext_lazy("status"), label=labels.LEAD, ordering="status")
    def status_shown(self, lead: Lead) -> Any:
        return Badge(lead.status, lead.get_status_display())

    @display(description=gettext_lazy("value"), ordering="value")
    def value_shown(self, lead: Lead) -> Any:
        return money_cell(lead.value, lead.currency)

    @display(description=gettext_lazy("created"), ordering="created_at")
    def created_shown(self, lead: Lead) -> str:
        return day_text(lead.created_at)

    def offered(self, request: HttpRequest, obj: Lead) -> set[str]:
        """What the table of moves allows from here."""
        moves = LEAD_MOVES[LeadStatus(obj.status)]
        offered = {"move"} if MoveLeadForm.targets(obj) else set()
        return (
            offered
            | ({"convert"} if LeadStatus.WON in moves or is_without_deal(obj) else set())
            | ({"lose"} if LeadStatus.LOST in moves else set())
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A won lead belongs to its deal's history."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.status != LeadStatus.WON)

    def save_model(self, request: HttpRequest, obj: Lead, form: Any, change: bool) -> None:
        """Through the domain: others are told of new and changed leads."""
        if change:
            leads.save_lead(obj, by=request.user)
            return
        fields = {name: value for name, value in form.cleaned_data.items() if name != "title"}
        self.adopt(obj, leads.create_lead(title=obj.title, by=request.user, at=timezone.now(), **fields))

    @admin.action(description=gettext_lazy("Convert into deals"), permissions=["convert_lead"])
    def convert_selected(self, request: HttpRequest, queryset: QuerySet[Lead]) -> None:
        """Each by itself; refusals are reported one by one."""
        now = timezone.now()
        run_for_each(
            request,
            limited(queryset),
            lambda lead: leads.convert_lead(lead, by=request.user, at=now),
            done=lambda n: ngettext("%(n)s lead was converted.", "%(n)s leads were converted.", n) % {"n": n},
        )

    @admin.action(description=gettext_lazy("Mark as lost …"), permissions=["move_lead"])
    def lose_selected(self, request: HttpRequest, queryset: QuerySet[Lead]) -> Any:
        """On to the page that asks for the reason."""
        return self.to_page("lose", queryset)
