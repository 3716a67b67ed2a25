"""Moves of a deal: each a page that shows what comes of it."""

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from crm.domain import deals
from crm.enums import DEAL_MOVES, DEAL_STAGE_MOVES, DealStage, DealStatus
from crm.forms.common import DateForm
from crm.forms.deals import MoveStageForm
from crm.models import Deal
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import money_text, number_text
from hashinsight.common.transitions import MoveRefused


def may_lose(deal: Deal) -> bool:
    """Losing moves the stage and cancels the contract; both must be possible."""
    status = DealStatus(deal.status)
    can_cancel = status == DealStatus.CANCELLED or DealStatus.CANCELLED in DEAL_MOVES[status]
    return can_cancel and DealStage.CLOSED_LOST in DEAL_STAGE_MOVES[DealStage(deal.stage)]


class DealPage(ConfirmPage):
    """What the pages about deals share."""

    target: DealStatus

    def possible(self, deal: Deal) -> bool:
        """Whether the move is in the table."""
        return self.target in DEAL_MOVES[DealStatus(deal.status)]

    def effect(self) -> Effect:
        """One deal with its lines, or a list of them."""
        if len(self.objects) > 1:
            rows = [(deal, deal.customer, deal.get_status_display(), self.value(deal)) for deal in self.objects]
            headers = (_("deal"), _("customer"), _("status"), _("value"))
            return Effect(tables=[Table(headers, rows, right=(3,))])
        deal = self.objects[0]
        if not self.possible(deal):
            raise MoveRefused(
                _("%(deal)s is %(status)s, in the stage %(stage)s; this is not possible now.")
                % {"deal": deal, "status": deal.get_status_display(), "stage": deal.get_stage_display()}
            )
        return self.effect_of(deal)

    def effect_of(self, deal: Deal) -> Effect:
        """Facts, the change of status, and the lines."""
        effect = Effect(
            facts=[
                (_("customer"), deal.customer),
                (_("value"), self.value(deal)),
                (pgettext("salesperson", "owner"), deal.owner or ""),
            ],
            changes=[(_("status"), deal.get_status_display(), self.target.label)],
        )
        lines = [
            (line.description, number_text(line.quantity), line.get_unit_code_display(), number_text(line.unit_price))
            for line in deal.lines.all()
        ]
        if lines:
            headers = (_("description"), _("quantity"), _("unit"), _("unit price"))
            effect.tables.append(Table(headers, lines, right=(1, 3)))
        return effect

    def value(self, deal: Deal) -> str:
        """With its currency."""
        return money_text(deal.value, deal.currency)

    def done(self, count: int) -> str:
        """Said afterwards."""
        sentence = ngettext("%(n)s deal is %(state)s now.", "%(n)s deals are %(state)s now.", count)
        return sentence % {"n": count, "state": self.target.label}


class SubmitDealPage(DealPage):
    """Ask for approval."""

    power = "move_deal"
    label = pgettext_lazy("deal", "Submit")
    icon = "outbox"
    title = gettext_lazy("Submit deal")
    button = gettext_lazy("Submit for approval")
    target = DealStatus.PENDING

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        deals.submit_deal(obj, by=self.request.user, at=timezone.now())


class ReturnDealPage(DealPage):
    """Back to its author."""

    power = "approve_deal"
    label = gettext_lazy("Return")
    icon = "undo"
    title = gettext_lazy("Return deal")
    button = gettext_lazy("Return to draft")
    form_class = ReasonForm
    target = DealStatus.DRAFT

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        deals.return_deal(obj, by=self.request.user, at=timezone.now(), reason=form.cleaned_data["reason"])


class ApproveDealPage(DealPage):
    """May be signed."""

    power = "approve_deal"
    label = gettext_lazy("Approve")
    icon = "check_circle"
    title = gettext_lazy("Approve deal")
    button = gettext_lazy("Approve")
    target = DealStatus.APPROVED

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        deals.approve_deal(obj, by=self.request.user, at=timezone.now())


class SignDealPage(DealPage):
    """Both have signed."""

    power = "sign_deal"
    label = gettext_lazy("Sign")
    icon = "signature"
    title = gettext_lazy("Sign deal")
    button = gettext_lazy("Signed")
    form_class = DateForm
    target = DealStatus.SIGNED

    def effect_of(self, deal: Deal) -> Effect:
        """Signing wins the stage."""
        effect = super().effect_of(deal)
        if deal.stage != DealStage.CLOSED_WON:
            effect.changes.append((_("stage"), deal.get_stage_display(), DealStage.CLOSED_WON.label))
        return effect

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        deals.sign_deal(obj, by=self.request.user, on=form.cleaned_data["on"], at=timezone.now())


class CompleteDealPage(DealPage):
    """Delivered; the invoice draft comes of it."""

    power = "complete_deal"
    label = gettext_lazy("Complete")
    icon = "task_alt"
    title = gettext_lazy("Complete deal")
    button = gettext_lazy("Complete and draft the invoice")
    target = DealStatus.COMPLETED
    draft: Any = None

    def effect_of(self, deal: Deal) -> Effect:
        """The draft that will be made."""
        effect = super().effect_of(deal)
        effect.facts.append((_("makes"), _("an invoice draft over %(value)s net") % {"value": self.value(deal)}))
        if not deal.value:
            effect.warnings.append(_("The value is 0; so will the invoice be."))
        return effect

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        self.draft = deals.complete_deal(obj, by=self.request.user, at=timezone.now())

    def goes_to(self, worked: list[Any]) -> str:
        """To the draft, where the work goes on."""
        if self.draft is not None and self.request.user.has_perm("crm.view_invoice"):
            return reverse("admin:crm_invoice_change", args=[self.draft.pk])
        return super().goes_to(worked)


class CancelDealPage(DealPage):
    """Came to nothing."""

    power = "cancel_deal"
    for_many = True
    label = pgettext_lazy("deal", "Cancel")
    icon = "cancel"
    danger = True
    title = gettext_lazy("Cancel deal")
    button = gettext_lazy("Cancel the deal")
    form_class = ReasonForm
    target = DealStatus.CANCELLED

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        deals.cancel_deal(obj, by=self.request.user, at=timezone.now(), reason=form.cleaned_data["reason"])


class LoseDealPage(DealPage):
    """Lost to somebody else: the stage moves, the contract is cancelled."""

    power = "cancel_deal"
    label = gettext_lazy("Lose")
    icon = "thumb_down"
    danger = True
    title = gettext_lazy("Lose deal")
    button = gettext_lazy("Mark as lost")
    form_class = ReasonForm
    target = DealStatus.CANCELLED

    def possible(self, deal: Deal) -> bool:
        """Both moves."""
        return may_lose(deal)

    def effect_of(self, deal: Deal) -> Effect:
        """Stage and status."""
        effect = super().effect_of(deal)
        effect.changes.insert(0, (_("stage"), deal.get_stage_display(), DealStage.CLOSED_LOST.label))
        return effect

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        reason = form.cleaned_data["reason"]
        deals.move_stage(obj, to=DealStage.CLOSED_LOST, by=self.request.user, at=timezone.now(), reason=reason)


class MoveStagePage(DealPage):
    """How likely it is."""

    power = "move_deal"
    label = gettext_lazy("Move stage")
    icon = "arrow_forward"
    title = gettext_lazy("Move the stage")
    button = gettext_lazy("Move")
    form_class = MoveStageForm

    def possible(self, deal: Deal) -> bool:
        """Any other stage."""
        return bool(MoveStageForm.targets(deal))

    def effect_of(self, deal: Deal) -> Effect:
        """Where it stands."""
        return Effect(
            facts=[
                (_("customer"), deal.customer),
                (_("value"), self.value(deal)),
                (_("stage"), deal.get_stage_display()),
            ]
        )

    def run(self, obj: Deal, form: Any) -> Any:
        """One domain call."""
        deals.move_stage(obj, to=form.cleaned_data["to"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The stage was moved.")
