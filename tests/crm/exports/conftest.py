"""A legal entity in Kiel whose books are mapped, and documents of one month."""

import math
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from crm.domain import bulk_billing, issuing, payments, periods
from crm.domain.bulk_billing import Issue
from crm.domain.exports.debtors import assign_debtor_numbers
from crm.domain.invoicing import new_reference
from crm.models import (
    AccountingSettings,
    Customer,
    Deal,
    Invoice,
    InvoiceLine,
    LedgerAccount,
    LegalEntity,
    TaxCode,
    TaxKey,
)
from hashinsight.jobs import queue
from tests import factories
from tests.support.standing import standing

MONTH = date(2026, 10, 1)
AT = datetime(2026, 10, 15, 9, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
KEYS = {"3": 19, "2": 7}
NAMES = {"19% (VAT on Income)": 19, "7% (VAT on Income)": 7, "Exempt": 0}
NUMBERS = {
    "revenue.S.19": "8400", "revenue.S.7": "8300", "output_tax.S.19": "1776", "output_tax.S.7": "1771", "bank": "1200",
    "deposits": "1710", "revenue.E.0": "8100", "bad_debt": "2400", "revenue.O.0": "8200", "fx_difference": "2150",
    "conversion": "1360",
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message leaves."""
    monkeypatch.setitem(queue._silence, "until", math.inf)


@dataclass
class Books:
    """The entity, its taxes and its customers."""

    entity: LegalEntity
    by: User
    taxes: list[TaxCode]
    customers: list[Customer]

    def draft(self, customer: Customer, lines: list[tuple[str, str, TaxCode]], **fields: Any) -> Invoice:
        """A draft with (quantity, price, tax) lines."""
        deal = Deal.objects.create(customer=customer, title="x", value=1)
        draft = Invoice.objects.create(
            customer=customer, deal=deal, legal_entity=self.entity, reference=new_reference(), language="en",
            currency=fields.pop("currency", "EUR"), created_at=AT, **fields,
        )  # fmt: skip
        for position, (quantity, price, tax) in enumerate(lines, start=1):
            InvoiceLine.objects.create(
                invoice=draft, position=position, description=f"Hosting {position}", quantity=Decimal(quantity),
                unit_price=Decimal(price), tax_code=tax,
            )  # fmt: skip
        return draft

    def issue(self, customer: Customer, lines: list[tuple[str, str, TaxCode]], day: int = 15, **fields: Any) -> Invoice:
        """An issued invoice."""
        draft = self.draft(customer, lines, **fields)
        at = AT.replace(day=day)
        return issuing.issue_invoice(draft, by=self.by, on=at.date(), at=at, send=False)

    def issue_many(self, count: int, seed: int) -> list[Invoice]:
        """Many at once, with fine prices and mixed rates."""
        chance = random.Random(seed)
        drafts = []
        for _number in range(count):
            lines = []
            for _line in range(chance.choice((1, 1, 2, 4))):
                quantity = Decimal(chance.randint(1, 99999)).scaleb(-chance.choice((0, 2, 3)))
                price = Decimal(chance.randint(1, 9999999)).scaleb(-chance.choice((2, 4, 6)))
                lines.append((str(quantity), str(max(price, Decimal("0.02"))), chance.choice(self.taxes)))
            lines.append(("1", "1", self.taxes[0]))
            drafts.append(self.draft(chance.choice(self.customers), lines))
        return bulk_billing.issue_invoices(
            [Issue(draft, AT.date() + timedelta(days=place % 10), AT) for place, draft in enumerate(drafts)], by=self.by
        )

    def settle(self, invoice: Invoice, amount: str) -> None:
        """Money from the bank."""
        payments.record_payment(
            invoice, amount=Decimal(amount), currency=invoice.currency, received_on=date(2026, 10, 20), by=self.by,
            on=date(2026, 10, 20), at=AT,
        )  # fmt: skip

    def map(self) -> None:
        """Numbers for everything that is booked by now."""
        for account in LedgerAccount.objects.filter(legal_entity=self.entity, external_number=""):
            account.external_number = NUMBERS.get(account.code, "")
            account.save()
        assign_debtor_numbers(self.entity)

    def close(self) -> None:
        """The month is over."""
        periods.close_period(self.entity, month=MONTH, by=self.by, at=LATER)


@pytest.fixture
@standing
def books(root: User) -> Books:
    """Mapped but for what is booked later."""
    entity = factories.LegalEntityFactory(currency="EUR", language="en")
    taxes = [factories.standard_tax("19"), factories.standard_tax("7")]
    exempt = TaxCode.objects.create(
        code="exempt", name="Exempt", category="E", exemption_reason="Exempt", exemption_code="VATEX-EU-132"
    )
    exempt.rates.create(rate=0, valid_from=date(2020, 1, 1))
    AccountingSettings.objects.create(legal_entity=entity, consultant_number="1001", client_number="42")
    for (key, rate), name in zip(KEYS.items(), NAMES, strict=False):
        TaxKey.objects.create(
            legal_entity=entity, tax_category="S", tax_rate=rate, datev_key=key, xero_tax_type=name,
            quickbooks_tax_code=name,
        )  # fmt: skip
    TaxKey.objects.create(
        legal_entity=entity, tax_category="E", tax_rate=0, xero_tax_type="Exempt", quickbooks_tax_code="Exempt"
    )
    customers = [
        factories.CustomerFactory(
            company_name=name, legal_entity=entity, code=code, country="DE", postal_code="1", email=f"{code}@x.example"
        )
        for code, name in (("AAAA", "Aurora Mining AG"), ("BBBB", "Łódź ⛏ Compute 中 Sp."))
    ]
    return Books(entity, root, [*taxes, exempt], customers)
