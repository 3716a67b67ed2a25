"""Moves of an invoice: issue, withdraw, credit, send again; each shows first what comes of it."""

from collections import defaultdict
from decimal import Decimal
from functools import partial
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext
from django.utils.translation import gettext as _

from crm.admin.issue_warnings import warnings_of_many, warnings_of_one
from crm.domain import credit_requests, deliveries, invoicing, issuing, rehearsals, second_person
from crm.domain.queries import local_date
from crm.engine.country_names import country_name
from crm.enums import InvoiceStatus, LimitedAct, NumberScope
from crm.forms.common import RecipientForm, SendForm
from crm.forms.invoices import CreditForm, NewInvoiceForm
from crm.models import Deal, Invoice
from hashinsight.approvals.models import ApprovalRequest
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm, Table
from hashinsight.common.admin.display import day_text, moment_text, money_text, number_text
from hashinsight.common.transitions import MoveRefused


def lines_table(lines: list[Any], invoice: Any) -> Table:
    """Lines with their net amounts, and the totals below."""
    currency = invoice.currency
    rows = [
        (
            line.position,
            line.description,
            number_text(line.quantity),
            line.get_unit_code_display(),
            number_text(line.unit_price),
            f"{number_text(line.tax_rate)} %",
            money_text(line.net_amount, currency),
        )
        for line in lines
    ]
    net, tax = money_text(invoice.net_total, currency), money_text(invoice.tax_total, currency)
    total = ("", _("Net %(net)s, tax %(tax)s") % {"net": net, "tax": tax}, "", "", "", _("Total"))
    return Table(
        headers=("#", _("description"), _("quantity"), _("unit"), _("unit price"), _("tax"), _("net")),
        rows=rows,
        right=(2, 4, 5, 6),
        total=(*total, money_text(invoice.gross_total, currency)),
    )


def party_text(snapshot: dict[str, Any]) -> str:
    """A party as printed, its country in the reader's language."""
    country = country_name(snapshot["country"], get_language() or "en")
    vat = _("VAT id %(id)s") % {"id": snapshot["vat_id"]} if snapshot.get("vat_id") else ""
    return "\n".join(part for part in (snapshot["name"], *snapshot["address_lines"], country, vat) if part)


class IssuePage(ConfirmPage):
    """Number and freeze: one draft with everything on it, or many with the sum per currency."""

    power = "issue_invoice"
    for_many = True
    label = gettext_lazy("Issue")
    icon = "send"
    title = gettext_lazy("Issue invoice")
    button = gettext_lazy("Issue now")
    form_class = SendForm

    def effect(self) -> Effect:
        """The document as it would be, with the number it would get."""
        return self.effect_of_many() if not self.is_single else self.effect_of_one(self.objects[0])

    def effect_of_one(self, draft: Invoice) -> Effect:
        """From a rehearsal: what would stop the issue stops it here."""
        now = timezone.now()
        on = local_date(now, draft.legal_entity.time_zone)
        shown = rehearsals.rehearse_issue(draft, by=self.request.user, on=on, at=now)
        issued, entity = shown.invoice, draft.legal_entity
        return Effect(
            facts=[
                (_("number"), _("%(number)s, if nobody is faster") % {"number": issued.number}),
                (_("number series"), self.series_of(entity, draft.customer)),
                (_("issued on"), day_text(issued.issued_on)),
                (_("due on"), day_text(issued.due_on)),
                (_("from"), party_text(issued.seller)),
                (pgettext("addressee", "to"), party_text(issued.buyer)),
                (_("e-mail goes to"), draft.customer.invoice_email or _("nobody")),
                (_("language"), draft.get_language_display()),
            ],
            tables=[lines_table(shown.lines, issued)],
            warnings=warnings_of_one(issued, shown.lines, draft.customer),
        )

    def series_of(self, entity: Any, customer: Any) -> str:
        """Which counter is used."""
        if entity.number_scope == NumberScope.CUSTOMER:
            return _("%(prefix)s, own series of %(customer)s") % {"prefix": entity.number_prefix, "customer": customer}
        return _("%(prefix)s, one series of %(entity)s") % {"prefix": entity.number_prefix, "entity": entity}

    def effect_of_many(self) -> Effect:
        """A table, the sum per currency, and who cannot be issued or sent."""
        sums: dict[str, list[Any]] = defaultdict(lambda: [0, Decimal(0)])
        effect, rows = Effect(warnings=warnings_of_many(self.objects)), []
        for draft in self.objects:
            rows.append(
                (
                    draft,
                    draft.customer,
                    draft.get_status_display(),
                    draft.customer.invoice_email or "–",
                    money_text(draft.gross_total, draft.currency),
                )
            )
            if not draft.is_draft:
                continue
            sums[draft.currency][0] += 1
            sums[draft.currency][1] += draft.gross_total
        totals = [(currency, count, money_text(total, currency)) for currency, (count, total) in sorted(sums.items())]
        headers = (_("draft"), _("customer"), _("status"), _("e-mail goes to"), _("total"))
        effect.tables = [
            Table((_("currency"), _("drafts"), _("sum")), totals, right=(1, 2), title=_("sum per currency")),
            Table(headers, rows, right=(4,), title=_("drafts")),
        ]
        return effect

    def run(self, obj: Invoice, form: Any) -> Any:
        """One domain call."""
        now = timezone.now()
        on = local_date(now, obj.legal_entity.time_zone)
        issuing.issue_invoice(obj, by=self.request.user, on=on, at=now, send=form.cleaned_data["send"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s invoice was issued.", "%(n)s invoices were issued.", count) % {"n": count}


class WithdrawPage(ConfirmPage):
    """A draft that will never be issued."""

    power = "cancel_invoice"
    for_many = True
    label = gettext_lazy("Withdraw")
    icon = "delete_sweep"
    danger = True
    title = gettext_lazy("Withdraw draft")
    button = gettext_lazy("Withdraw")
    form_class = ReasonForm

    def effect(self) -> Effect:
        """Which drafts."""
        rows = [(row.reference, row.customer, money_text(row.gross_total, row.currency)) for row in self.objects]
        if self.is_single and not self.objects[0].is_draft:
            raise MoveRefused(_("%(invoice)s is no draft.") % {"invoice": self.objects[0]})
        return Effect(
            tables=[Table((_("draft"), _("customer"), _("total")), rows, right=(2,))],
            warnings=[_("A withdrawn draft never gets a number; the deal can be billed by a new draft.")],
        )

    def run(self, obj: Invoice, form: Any) -> Any:
        """One domain call."""
        invoicing.cancel_draft(obj, by=self.request.user, reason=form.cleaned_data["reason"])

    def done(self, count: int) -> str:
        """Said afterwards."""
        return ngettext("%(n)s draft was withdrawn.", "%(n)s drafts were withdrawn.", count) % {"n": count}


def credit_effect(invoice: Invoice, quantities: Any, *, by: Any) -> tuple[Effect, rehearsals.CreditRehearsal]:
    """The credit note as it would be, and the balance before and after."""
    now = timezone.now()
    on = local_date(now, invoice.legal_entity.time_zone)
    shown = rehearsals.rehearse_credit(invoice, by=by, on=on, at=now, quantities=quantities)
    before, after, money = shown.before, shown.after, partial(money_text, currency=invoice.currency)
    effect = Effect(
        facts=[
            (_("credit note"), _("%(number)s, if nobody is faster") % {"number": shown.note.number}),
            (_("issued on"), day_text(shown.note.issued_on)),
            (_("customer"), invoice.customer),
            (_("e-mail goes to"), invoice.customer.invoice_email or _("nobody")),
        ],
        changes=[
            (
                _("credited"),
                money(before.credited_total),
                money(after.credited_total),
            ),
            (_("outstanding"), money(before.outstanding), money(after.outstanding)),
            (_("status"), before.get_status_display(), after.get_status_display()),
        ],
        tables=[lines_table(shown.lines, shown.note)],
    )
    if after.outstanding < 0:
        owed = money(-after.outstanding)
        effect.warnings.append(_("More was paid than is owed then: %(amount)s to give back.") % {"amount": owed})
    return effect, shown


class CreditPage(ConfirmPage):
    """A credit note over all that is left, or over some of it."""

    power = "credit_invoice"
    label = gettext_lazy("Credit")
    icon = "undo"
    danger = True
    title = gettext_lazy("Credit invoice")
    button = gettext_lazy("Issue the credit note")
    preview_button = gettext_lazy("Show the effect of these quantities")
    form_class = CreditForm
    note: Any = None

    def effect(self) -> Effect:
        """The credit note as it would be, and the balance before and after."""
        invoice = self.objects[0]
        effect, shown = credit_effect(invoice, self.form.typed_quantities(), by=self.request.user)
        over = second_person.is_needed(
            LimitedAct.CREDIT_NOTE, legal_entity=invoice.legal_entity, amount=shown.after.credited_total,
            currency=invoice.currency,
        )  # fmt: skip
        if over:
            effect.warnings.append(_("This is above what one person may do: it will wait for a second person."))
        return effect

    def run(self, obj: Invoice, form: Any) -> Any:
        """One domain call."""
        now, cleaned = timezone.now(), form.cleaned_data
        self.note = credit_requests.credit_or_ask(
            obj,
            by=self.request.user,
            on=local_date(now, obj.legal_entity.time_zone),
            at=now,
            reason=cleaned["reason"],
            quantities=form.quantities(),
            send=cleaned["send"],
        )

    def done(self, count: int) -> str:
        """Said afterwards."""
        if isinstance(self.note, ApprovalRequest):
            return _("The credit note waits for a second person's approval.")
        return _("The credit note %(number)s was issued.") % {"number": self.note.number}


class SendPage(ConfirmPage):
    """The same document once more."""

    power = "send_invoice"
    label = gettext_lazy("Send again")
    icon = "forward_to_inbox"
    title = gettext_lazy("Send document by e-mail")
    button = gettext_lazy("Send")
    form_class = RecipientForm

    def initial(self) -> dict[str, Any]:
        """The billing contact."""
        return {"recipient": self.objects[0].customer.invoice_email}

    def effect(self) -> Effect:
        """What was sent before."""
        invoice = self.objects[0]
        if not invoice.is_issued:
            raise deliveries.DeliveryRefused(_("%(invoice)s is not issued.") % {"invoice": invoice})
        rows = [
            (moment_text(delivery.created_at), delivery.recipient, delivery.get_status_display())
            for delivery in invoice.deliveries.order_by("-created_at", "-id")[:10]
        ]
        headers = (_("when"), _("recipient"), _("status"))
        tables = [Table(headers, rows, title=_("sent before"))] if rows else []
        return Effect(facts=[(_("document"), invoice), (_("customer"), invoice.customer)], tables=tables)

    def run(self, obj: Invoice, form: Any) -> Any:
        """One domain call."""
        deliveries.queue_delivery(obj, recipient=form.cleaned_data["recipient"], at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The e-mail was queued.")


class NewInvoicePage(ConfirmPage):
    """A draft out of a deal; there is no invoice without a cause."""

    power = "add"
    for_one = False
    for_none = True
    title = gettext_lazy("New invoice")
    button = gettext_lazy("Make the draft")
    form_class = NewInvoiceForm
    draft: Any = None

    def initial(self) -> dict[str, Any]:
        """The deal one comes from."""
        key = self.request.GET.get("deal", "")
        return {"deal": Deal.objects.filter(pk=key).first()} if key.isdecimal() and len(key) < 19 else {}

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call; a deal that was billed already answers with its invoice."""
        self.draft = invoicing.draft_from_deal(form.cleaned_data["deal"], by=self.request.user, at=timezone.now())

    def goes_to(self, worked: list[Any]) -> str:
        """To the draft."""
        return reverse("admin:crm_invoice_change", args=[self.draft.pk])

    def done(self, count: int) -> str:
        """Said afterwards."""
        if self.draft.status != InvoiceStatus.DRAFT:
            return _("This deal was billed already: %(invoice)s.") % {"invoice": self.draft}
        return _("The draft %(reference)s is ready.") % {"reference": self.draft.reference}
