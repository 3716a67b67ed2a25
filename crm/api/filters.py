"""Filters of the lists. What clients may filter by is limited to what they see; ``staff_filters`` name the rest."""

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema_field

from crm.enums import (
    ActivityKind,
    CreditKind,
    CustomerStatus,
    DealStage,
    DealStatus,
    InvoiceKind,
    InvoiceStatus,
    LeadSource,
    LeadStatus,
    PaymentMethod,
    WriteOffKind,
)
from hashinsight.common.api.filters import ApiFilterSet
from hashinsight.common.money import CURRENCY_CHOICES

LONGEST_SEARCH = 100


def choice(choices: Any, **more: Any) -> django_filters.ChoiceFilter:
    """One of the known words."""
    return django_filters.ChoiceFilter(choices=choices, **more)


def row(name: str) -> django_filters.UUIDFilter:
    """The id of a related row; one that the caller cannot see matches nothing, like one that does not exist."""
    return django_filters.UUIDFilter(field_name=f"{name}__public_id")


def day(field: str, lookup: str) -> django_filters.DateFilter:
    """A date from or to which (both included)."""
    return django_filters.DateFilter(field_name=field, lookup_expr=lookup)


def moment(field: str, lookup: str) -> django_filters.IsoDateTimeFilter:
    """A time from which (included) or before which."""
    return django_filters.IsoDateTimeFilter(field_name=field, lookup_expr=lookup)


@extend_schema_field({"type": "boolean"})
class FlagFilter(django_filters.ChoiceFilter):
    """``true`` or ``false``, and nothing else."""

    def __init__(self) -> None:
        super().__init__(choices=[("true", "true"), ("false", "false")])

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Rows with the flag set, or not."""
        return qs if not value else qs.filter(**{str(self.field_name): value == "true"})


class SearchFilter(django_filters.CharFilter):
    """Text anywhere in the named columns, any case."""

    def __init__(self, *columns: str) -> None:
        super().__init__(max_length=LONGEST_SEARCH)
        self.columns = columns

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Rows where one of the columns holds the text."""
        if not value:
            return qs
        wanted = Q()
        for column in self.columns:
            wanted |= Q(**{f"{column}__icontains": value})
        return qs.filter(wanted)


class CustomerFilter(ApiFilterSet):
    """Of customers."""

    status = choice(CustomerStatus.choices)
    search = SearchFilter("company_name", "code")


class LeadFilter(ApiFilterSet):
    """Of leads."""

    status = choice(LeadStatus.choices)
    source = choice(LeadSource.choices)
    customer = row("customer")
    search = SearchFilter("title", "company", "name")


class DealFilter(ApiFilterSet):
    """Of deals."""

    staff_filters = frozenset({"stage", "lead"})

    status = choice(DealStatus.choices)
    customer = row("customer")
    stage = choice(DealStage.choices)
    lead = row("lead")
    search = SearchFilter("title")


class InvoiceFilter(ApiFilterSet):
    """Of invoices and credit notes."""

    status = choice(InvoiceStatus.choices)
    kind = choice(InvoiceKind.choices)
    customer = row("customer")
    deal = row("deal")
    corrects = row("corrects")
    number = django_filters.CharFilter(max_length=50)
    currency = choice(CURRENCY_CHOICES)
    issued_from = day("issued_on", "gte")
    issued_to = day("issued_on", "lte")
    due_from = day("due_on", "gte")
    due_to = day("due_on", "lte")
    search = SearchFilter("number")


class PaymentFilter(ApiFilterSet):
    """Of payments."""

    customer = row("customer")
    invoice = row("invoice")
    currency = choice(CURRENCY_CHOICES)
    method = choice(PaymentMethod.choices)
    reference = django_filters.CharFilter(max_length=140)
    received_from = day("received_on", "gte")
    received_to = day("received_on", "lte")


class CreditFilter(ApiFilterSet):
    """Of customers' credits."""

    customer = row("customer")
    invoice = row("invoice")
    payment = row("payment")
    kind = choice(CreditKind.choices)
    currency = choice(CURRENCY_CHOICES)
    reference = django_filters.CharFilter(max_length=140)
    received_from = day("received_on", "gte")
    received_to = day("received_on", "lte")


class ApplicationFilter(ApiFilterSet):
    """Of what credits were used for."""

    customer = row("customer")
    credit = row("credit")
    invoice = row("invoice")
    applied_from = day("applied_on", "gte")
    applied_to = day("applied_on", "lte")


class RefundFilter(ApiFilterSet):
    """Of refunds."""

    customer = row("customer")
    credit = row("credit")
    payment = row("payment")
    currency = choice(CURRENCY_CHOICES)
    reference = django_filters.CharFilter(max_length=140)
    refunded_from = day("refunded_on", "gte")
    refunded_to = day("refunded_on", "lte")


class WriteOffFilter(ApiFilterSet):
    """Of claims given up."""

    customer = row("customer")
    invoice = row("invoice")
    kind = choice(WriteOffKind.choices)
    currency = choice(CURRENCY_CHOICES)
    written_off_from = day("written_off_on", "gte")
    written_off_to = day("written_off_on", "lte")


class ActivityFilter(ApiFilterSet):
    """Of activities."""

    staff_filters = frozenset({"lead", "client_visible"})

    kind = choice(ActivityKind.choices)
    customer = row("customer")
    deal = row("deal")
    invoice = row("invoice")
    lead = row("lead")
    client_visible = FlagFilter()
    occurred_from = moment("occurred_at", "gte")
    occurred_before = moment("occurred_at", "lt")
    search = SearchFilter("subject")
