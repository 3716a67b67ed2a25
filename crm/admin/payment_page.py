"""Booking money on an invoice."""

from functools import partial
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.domain import payments
from crm.domain.queries import local_date
from crm.enums import OPEN_STATUSES, InvoiceStatus
from crm.forms.invoices import PaymentForm, rounded_for
from crm.models import Invoice
from hashinsight.common.admin.confirm import ConfirmPage, Effect, Table
from hashinsight.common.admin.display import money_text


class PaymentPage(ConfirmPage):
    """Outstanding before and after; a part, all, or more than it."""

    power = "record_payment"
    label = gettext_lazy("Record payment")
    icon = "payments"
    title = gettext_lazy("Record payment")
    button = gettext_lazy("Record the payment")
    preview_button = gettext_lazy("Show the effect of this amount")
    form_class = PaymentForm

    def initial(self) -> dict[str, Any]:
        """All that is open."""
        balance = self.balance()
        return {"amount": rounded_for(max(balance.outstanding, 0), balance.currency) or None}

    def balance(self) -> Any:
        """The invoice with what was paid and credited."""
        return Invoice.objects.with_balance().get(pk=self.objects[0].pk)

    def effect(self) -> Effect:
        """For the amount typed, at first for all that is open."""
        balance = self.balance()
        money = partial(money_text, currency=balance.currency)
        if not balance.is_issued or balance.is_credit_note or balance.status == InvoiceStatus.CANCELLED:
            raise payments.PaymentRefused(
                _("%(invoice)s is %(status)s; money is booked on issued invoices only.")
                % {"invoice": balance, "status": balance.get_status_display()}
            )
        amount = self.settled(balance)
        after = balance.outstanding - amount
        paid = balance.status in OPEN_STATUSES and after <= 0
        status = InvoiceStatus.PAID.label if paid else balance.get_status_display()
        effect = Effect(
            facts=[
                (_("invoice"), balance),
                (_("customer"), balance.customer),
                (_("total"), money(balance.gross_total)),
            ],
            changes=[
                (
                    _("paid"),
                    money(balance.paid_total),
                    money(balance.paid_total + amount),
                ),
                (_("outstanding"), money(balance.outstanding), money(after)),
                (_("status"), balance.get_status_display(), status),
            ],
        )
        if after < 0:
            effect.warnings.append(_("That is %(amount)s too much.") % {"amount": money(-after)})
        if known := self.known_payments(balance):
            effect.tables.append(known)
        return effect

    def settled(self, balance: Any) -> Any:
        """What the money typed settles, in the invoice's currency; at first all that is open."""
        if not (self.form.is_bound and self.form.is_valid()):
            return max(balance.outstanding, 0)
        cleaned = self.form.cleaned_data
        if cleaned["currency"] == balance.currency:
            return cleaned["amount"]
        return payments.check_payment(
            balance, cleaned["amount"], cleaned["currency"], cleaned["received_on"], cleaned["received_on"],
            rate=cleaned["rate"], settles=cleaned["settles"],
        )  # fmt: skip

    def known_payments(self, invoice: Any) -> Table | None:
        """What was booked before, so that nobody books it twice."""
        rows = [
            (payment.received_on, money_text(payment.amount, payment.currency), payment.reference)
            for payment in invoice.payments.order_by("-received_on", "-id")[:10]
        ]
        headers = (_("received on"), _("amount"), _("reference"))
        return Table(headers, rows, right=(1,), title=_("recorded before")) if rows else None

    def run(self, obj: Invoice, form: Any) -> Any:
        """One domain call."""
        now, cleaned = timezone.now(), form.cleaned_data
        payments.record_payment(
            obj,
            amount=cleaned["amount"],
            currency=cleaned["currency"],
            rate=cleaned["rate"],
            settles=cleaned["settles"],
            received_on=cleaned["received_on"],
            by=self.request.user,
            on=local_date(now, obj.legal_entity.time_zone),
            at=now,
            method=cleaned["method"],
            reference=cleaned["reference"],
            note=cleaned["note"],
        )

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The payment was recorded.")
