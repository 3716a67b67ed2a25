"""Four tenants with rows in every state, and a mark of their tenant in every text.

``zq<tenant><n>kw`` stands in what a tenant may see of itself, ``zh<tenant><n>kw`` in what only the house may see.
So a look at the bytes of an answer tells whose data are in it.
"""

import hashlib
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from accounts.domain.keys import create_key
from accounts.models import ApiKey, User
from crm.domain import (
    activities,
    customer_credits,
    deals,
    documents,
    invoicing,
    issuing,
    leads,
    payments,
    refunds,
    reversals,
    write_offs,
)
from crm.domain.memberships import grant_membership
from crm.models import (
    AccountingExport,
    Activity,
    Contract,
    CreditApplication,
    Customer,
    CustomerCredit,
    CustomerMembership,
    Deal,
    DealLine,
    Invoice,
    InvoiceDocument,
    Lead,
    Payment,
    Refund,
    Reversal,
    WriteOff,
)
from hashinsight.approvals.domain.requests import request_approval
from hashinsight.notify.domain import channels, sending, webhooks
from hashinsight.notify.models import Channel, Delivery
from intelligence.domain.user_miners import create_user_miner
from intelligence.models import ScheduleRun, UserMiner
from tests import factories
from tests.api.client import Caller
from tests.intelligence.world import build_schedule
from tests.isolation.steel import STEEL, build_steel, steel_rows

NAMES = ("a", "b", "c", "d")
NOBODY = "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"
MARK = re.compile(rb"(?=z([qh])([a-d]))(?=(z[qh][a-d]\d+kw))")
MONEY = (CustomerCredit, CreditApplication, Refund)
NOW, TODAY = factories.NOW, factories.TODAY


@dataclass
class Tenant:
    """One customer with its people, keys and rows."""

    name: str
    root: User
    marks: Iterable[int] = field(default_factory=lambda: itertools.count(100))
    rows: dict[str, Any] = field(default_factory=dict)

    def own(self) -> str:
        """A text the tenant may see."""
        return f"zq{self.name}{next(iter(self.marks))}kw"

    def house(self) -> str:
        """A text only the house may see."""
        return f"zh{self.name}{next(iter(self.marks))}kw"

    def id(self, row: str) -> str:
        """How the world knows a row."""
        return str(self.rows[row].public_id)

    def build(self, entity: Any) -> "Tenant":
        """All rows, by way of the domain."""
        self._people(entity)
        self._deals()
        self._invoices()
        self._money()
        self._approvals()
        self._exports(entity)
        self._talk()
        self._webhooks()
        build_steel(self)
        self.rows["user miner"] = create_user_miner(
            user=self.rows["customer_admin"], miner_model=self.rows["model"], custom_name=self.own(),
            location=self.own(), electricity_cost_usd_per_kwh=1, by=self.root, at=NOW,
        )  # fmt: skip
        self.rows["schedule"] = build_schedule(self.rows["user miner"], at=NOW, note=self.own())
        return self

    def _people(self, entity: Any) -> None:
        customer = factories.CustomerFactory(
            company_name=self.own(), contact_name=self.own(), email=f"{self.own()}@customer.example",
            billing_email=f"{self.own()}@customer.example", phone=self.own(), street=self.own(),
            postal_code=self.own(), city=self.own(), region=self.own(), tax_id=self.own(), vat_id=self.own(),
            buyer_reference=self.own(), sector=self.house(), internal_note=self.house(), source_ref=self.house(),
            legal_entity=entity, electronic_address=f"{self.own()}@customer.example", electronic_address_scheme="EM",
        )  # fmt: skip
        self.rows["customer"] = customer
        for role in ("customer_admin", "customer_viewer"):
            user = factories.UserFactory(
                email=f"{self.own()}@people.example", name=self.own(), username=self.own(), company=self.own(),
                position=self.own(),
            )  # fmt: skip
            membership = grant_membership(user, customer, role=role, by=self.root)
            caller = Caller(user)
            ApiKey.objects.filter(pk=caller.key.pk).update(name=self.own())
            self.rows |= {
                role: user,
                f"{role} membership": membership,
                f"{role} caller": caller,
                f"{role} key": caller.key,
            }
        admin = self.rows["customer_admin"]
        self.rows["spare key"], _secret = create_key(
            admin, name=self.own(), scopes=["invoices:read"], expires_at=None, by=admin, at=NOW
        )

    def _deal(self, title: str) -> Deal:
        deal = factories.DealFactory(
            customer=self.rows["customer"], title=title, internal_note=self.house(), source_ref=self.house(),
            cancel_reason=self.house(),
        )  # fmt: skip
        deals.set_lines(deal, lines=[DealLine(description=self.own(), quantity=1, unit_price=1000)])
        return deal

    def _deals(self) -> None:
        self.rows["draft deal"] = self._deal(self.house())
        self.rows["pending deal"] = deals.submit_deal(self._deal(self.own()), by=self.root, at=NOW)
        for name in ("approved deal", "signed deal", "first", "second", "third", "fourth"):
            deal = deals.submit_deal(self._deal(self.own()), by=self.root, at=NOW)
            self.rows[name] = deals.approve_deal(deal, by=self.root, at=NOW)
        for name in ("signed deal", "first", "second", "third", "fourth"):
            self.rows[name] = deals.sign_deal(self.rows[name], by=self.root, on=TODAY, at=NOW)

    def _draft(self, deal: str) -> Invoice:
        draft = deals.complete_deal(self.rows[deal], by=self.root, at=NOW)
        Invoice.objects.filter(pk=draft.pk).update(note=self.own())
        return draft.reload()

    def _invoices(self) -> None:
        root = self.root
        self.rows["draft invoice"] = self._draft("first")
        Invoice.objects.filter(pk=self.rows["draft invoice"].pk).update(note=self.house())
        self.rows["withdrawn invoice"] = invoicing.cancel_draft(self._draft("second"), by=root, reason=self.house())
        paid = issuing.issue_invoice(self._draft("third"), by=root, on=TODAY, at=NOW)
        self.rows["invoice"] = paid
        documents.store_document(paid, content=b"%PDF " + self.own().encode(), template_version="t", at=NOW)
        for name in ("payment", "other payment"):
            self.rows[name] = payments.record_payment(
                paid, amount=factories.Decimal(10), currency="USD", received_on=TODAY, by=root, on=TODAY, at=NOW,
                reference=self.own(), note=self.house(),
            )  # fmt: skip
        open_one = issuing.issue_invoice(self._draft("fourth"), by=root, on=TODAY, at=NOW)
        self.rows["open invoice"] = open_one
        self.rows["credit note"] = issuing.credit_invoice(
            open_one, by=root, on=TODAY, at=NOW, reason=self.own(), quantities={1: factories.Decimal("0.5")}
        )

    def _money(self) -> None:
        """Money without an invoice, used, paid back, given up and taken back again."""
        step: Any = {"by": self.root, "on": TODAY, "at": NOW}
        invoice = self.rows["open invoice"]
        held = customer_credits.record_deposit(
            self.rows["customer"], amount=factories.Decimal(50), currency="USD", received_on=TODAY,
            reference=self.own(), note=self.house(), **step,
        )  # fmt: skip
        self.rows["deposit"] = held
        self.rows["untouched deposit"] = customer_credits.record_deposit(
            self.rows["customer"], amount=factories.Decimal(7), currency="USD", received_on=TODAY,
            reference=self.own(), note=self.house(), **step,
        )  # fmt: skip
        self.rows["application"] = customer_credits.apply_credit(
            held, invoice=invoice, amount=factories.Decimal(5), **step
        )
        self.rows["write-off"] = write_offs.write_off(invoice, amount=factories.Decimal(1), reason=self.house(), **step)
        for name in ("refund", "reversed refund"):
            self.rows[name] = refunds.refund_credit(
                held, amount=factories.Decimal(5), reason=self.house(), reference=self.own(), **step
            )
        self.rows["reversal"] = reversals.reverse(self.rows["reversed refund"], reason=self.house(), **step)

    def _approvals(self) -> None:
        """One that staff may decide on, one that root asked for."""
        for name, invoice, asker in (("approval", "open invoice", None), ("own approval", "invoice", self.root)):
            self.rows[name] = request_approval(
                self.rows[invoice], kind="crm.credit_note", reason=self.house(), by=asker, at=timezone.now(),
                payload={"reason": self.house(), "quantities": {"1": "0.1"}, "send": False},
                amount=factories.Decimal(100), currency="USD", customer_id=self.rows["customer"].pk,
            )  # fmt: skip

    def _exports(self, entity: Any) -> None:
        """The house's own, with a mark of the tenant inside."""
        content = self.house().encode()
        self.rows["entity"] = entity
        self.rows["export"] = AccountingExport.objects.create(
            legal_entity=entity, kind="journal_csv", first_month=TODAY, last_month=TODAY, file_name=self.house(),
            sha256=hashlib.sha256(content).hexdigest(), size=len(content), row_count=1, content=content,
            notes=[self.house()], state_of=NOW, made_by=self.root,
        )  # fmt: skip

    def _talk(self) -> None:
        customer, root = self.rows["customer"], self.root
        self.rows["lead"] = leads.create_lead(
            title=self.house(), by=root, at=NOW, name=self.house(), company=self.house(), customer=customer,
            email=f"{self.house()}@lead.example", phone=self.house(), internal_note=self.house(),
            source_ref=self.house(), lost_reason=self.house(),
        )  # fmt: skip
        for name, visible in (("activity", True), ("hidden activity", False)):
            mark = self.own if visible else self.house
            self.rows[name] = activities.create_activity(
                kind="note", subject=mark(), body=mark(), customer=customer, by=root, at=NOW, client_visible=visible,
                invoice=self.rows["invoice"], deal=self.rows["third"],
            )  # fmt: skip

    def _webhooks(self) -> None:
        customer, admin = self.rows["customer"], self.rows["customer_admin"]
        for name in ("webhook", "quiet webhook"):
            self.rows[name] = webhooks.create_webhook(
                customer_id=customer.pk, name=self.own(), url=f"https://{self.own()}.example/hook", by=admin, at=NOW,
                kinds=["invoice.paid"],
            )  # fmt: skip
        channels.switch_off(self.rows["quiet webhook"], by=admin, at=NOW, reason=self.own())
        (message,) = channels.send_test(self.rows["webhook"], by=admin, at=NOW)
        self.rows["message"] = sending.note(
            message, sending.Outcome(False, 500, excerpt=self.own(), error=self.own()), at=NOW
        )

    def visible_ids(self) -> set[str]:
        """Ids the tenant's admin may see."""
        own = Customer.objects.filter(pk=self.rows["customer"].pk)
        rows = [
            own,
            Deal.objects.filter(customer__in=own).exclude(status="draft"),
            Invoice.objects.filter(customer__in=own, number__isnull=False),
            *(model.objects.filter(customer__in=own) for model in (Payment, *MONEY)),
            Activity.objects.filter(customer__in=own, client_visible=True),
            ApiKey.objects.filter(user=self.rows["customer_admin"]),
            UserMiner.objects.filter(user=self.rows["customer_admin"]),
            ScheduleRun.objects.filter(user=self.rows["customer_admin"]),
            Channel.objects.filter(customer_id=self.rows["customer"].pk),
            Delivery.objects.filter(customer_id=self.rows["customer"].pk),
        ]
        rows += [
            Contract.objects.filter(customer__in=own, status__in=["active", "ended"]),
            *(model.objects.of_customers([self.rows["customer"].pk]) for model in STEEL),
        ]
        ids = {str(public_id) for part in rows for public_id in part.values_list("public_id", flat=True)}
        return ids | {str(self.rows["customer_admin"].pk)}

    def secrets(self) -> set[str]:
        """Ids, numbers and prefixes that belong to this tenant (some of them to the house)."""
        own = Customer.objects.filter(pk=self.rows["customer"].pk)
        users = User.objects.filter(memberships__customer__in=own)
        found = {str(pk) for pk in users.values_list("pk", flat=True)} | set(own.values_list("code", flat=True))
        invoices = Invoice.objects.filter(customer__in=own)
        found |= {word for pair in invoices.values_list("number", "reference") for word in pair if word}
        found |= set(ApiKey.objects.filter(user__in=users).values_list("prefix", flat=True))
        found |= set(InvoiceDocument.objects.filter(invoice__in=invoices).values_list("sha256", flat=True))
        tables = [
            own, invoices, ApiKey.objects.filter(user__in=users), CustomerMembership.objects.filter(customer__in=own),
            UserMiner.objects.filter(user__in=users), ScheduleRun.objects.filter(user__in=users),
            *(
                model.objects.filter(customer__in=own)
                for model in (Deal, Lead, Payment, Activity, *MONEY, WriteOff, Reversal)
            ),
            *(model.objects.filter(customer_id=self.rows["customer"].pk) for model in (Channel, Delivery)),
        ]  # fmt: skip
        tables += [Contract.objects.filter(customer__in=own), *steel_rows(self)]
        return found | {str(one) for table in tables for one in table.values_list("public_id", flat=True)}


@dataclass
class World:
    """The tenants, a staff key with every power, and what each may not see."""

    root: Caller
    tenants: dict[str, Tenant]
    forbidden: dict[str, set[bytes]] = field(default_factory=dict)

    @property
    def attacker(self) -> Tenant:
        """Who must not see the others."""
        return self.tenants["a"]

    @property
    def foreign(self) -> list[Tenant]:
        """The others."""
        return [self.tenants[name] for name in NAMES[1:]]

    def forbidden_to(self, name: str) -> set[bytes]:
        """Texts that must not reach the admin of a tenant."""
        if name not in self.forbidden:
            everything = {text for tenant in self.tenants.values() for text in tenant.secrets()}
            mine = self.tenants[name]
            allowed = mine.visible_ids() | {
                text for text in mine.secrets() if text.startswith(("INV-", "CN-")) or len(text) in (6, 64)
            }
            allowed |= {mine.rows["customer_admin key"].prefix, mine.rows["spare key"].prefix}
            self.forbidden[name] = {text.encode() for text in everything - allowed}
        return self.forbidden[name]


def build_world() -> World:
    """Committed rows of four tenants."""
    root = factories.UserFactory(email="root@hashinsight.example", is_staff=True, is_superuser=True)
    entity = factories.LegalEntityFactory()
    tenants = {name: Tenant(name, root).build(entity) for name in NAMES}
    return World(Caller(root), tenants)
