"""Rows for tests; states are reached through the domain, never assigned."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import factory
from django.contrib.auth.models import Permission
from factory.django import DjangoModelFactory

from accounts.models import User
from crm.domain import deals, issuing
from crm.models import Customer, Deal, Invoice, Lead, LegalEntity, Product, TaxCode, TaxRate

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
PASSWORD = "correct-horse-battery-staple"


class UserFactory(DjangoModelFactory):
    """A person with PASSWORD."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@example.test")
    name = factory.Sequence(lambda n: f"Person {n}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return model_class.objects.create_user(password=PASSWORD, **kwargs)


@cache
def _permission_ids() -> dict[str, int]:
    """By name; they come with the migrations, so they stay as they are as long as the process lives."""
    rows = Permission.objects.values_list("content_type__app_label", "codename", "pk")
    return {f"{app}.{codename}": pk for app, codename, pk in rows}


def give_permissions(user: Any, *names: str) -> User:
    """Let the person do these things as well (``"crm.issue_invoice"``); KeyError for a name nobody knows."""
    user.user_permissions.add(*[_permission_ids()[name] for name in names])
    return user


class LegalEntityFactory(DjangoModelFactory):
    """A company of ours, complete enough to issue."""

    class Meta:
        model = LegalEntity

    name = factory.Sequence(lambda n: f"Nordlicht Hosting GmbH {n}" if n else "Nordlicht Hosting GmbH")
    street = "Kaistraße 1"
    postal_code = "24103"
    city = "Kiel"
    country = "DE"
    vat_id = "DE123456789"
    tax_id = "20/123/45678"
    email = "billing@nordlicht.example"
    bank_name = "Förde Bank"
    iban = "DE02120300000000202051"
    bic = "BYLADEM1001"
    time_zone = "Europe/Berlin"


class CustomerFactory(DjangoModelFactory):
    """An active customer with an address."""

    class Meta:
        model = Customer

    company_name = factory.Sequence(lambda n: f"Customer {n} Ltd")
    email = factory.Sequence(lambda n: f"office{n}@customer.example")
    street = "1 Grid Street"
    city = "Austin"
    country = "US"


class LeadFactory(DjangoModelFactory):
    """A new lead."""

    class Meta:
        model = Lead

    title = factory.Sequence(lambda n: f"Lead {n}")
    company = factory.Sequence(lambda n: f"Prospect {n} Inc")
    email = factory.Sequence(lambda n: f"prospect{n}@lead.example")
    value = Decimal("1000.00")


class DealFactory(DjangoModelFactory):
    """A draft deal."""

    class Meta:
        model = Deal

    customer = factory.SubFactory(CustomerFactory)
    title = factory.Sequence(lambda n: f"Deal {n}")
    value = Decimal("1000.00")


class ProductFactory(DjangoModelFactory):
    """An offer."""

    class Meta:
        model = Product

    code = factory.Sequence(lambda n: f"P-{n}")
    name = factory.Sequence(lambda n: f"Product {n}")
    unit_price = Decimal("10.00")


def standard_tax(rate: str = "19", valid_from: date = date(2020, 1, 1)) -> TaxCode:
    """A tax code of the standard category with one open rate."""
    code = TaxCode.objects.create(code=f"std-{rate}", name=f"Standard {rate} %", category="S")
    TaxRate.objects.create(tax_code=code, rate=Decimal(rate), valid_from=valid_from)
    return code


def signed_deal(*, by: User, customer: Customer, at: datetime = NOW, **fields: Any) -> Deal:
    """A deal that only waits for its completion."""
    return signed(DealFactory(customer=customer, **fields), by=by, at=at)


def signed(deal: Deal, *, by: User, at: datetime = NOW) -> Deal:
    """The draft deal, taken through approval and signature: now it can be billed."""
    deals.submit_deal(deal, by=by, at=at)
    deals.approve_deal(deal, by=by, at=at)
    return deals.sign_deal(deal, by=by, on=at.date(), at=at)


def draft_invoice(*, by: User, customer: Customer, at: datetime = NOW, **fields: Any) -> Invoice:
    """The draft of a completed deal; ``value`` sets the deal's value."""
    return deals.complete_deal(signed_deal(by=by, customer=customer, at=at, **fields), by=by, at=at)


def issued_invoice(*, by: User, customer: Customer, at: datetime = NOW, **fields: Any) -> Invoice:
    """An issued invoice, dated ``at``."""
    return issuing.issue_invoice(draft_invoice(by=by, customer=customer, at=at, **fields), by=by, on=at.date(), at=at)
