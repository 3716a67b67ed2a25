"""Filters of the lists. What clients may filter by is limited to what they see; ``staff_filters`` name the rest."""

import django_filters

from crm.enums import (
    ActivityKind,
    ContractStatus,
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
from hashinsight.common.api.filters import ApiFilterSet, FlagFilter, SearchFilter, choice, day, moment, row
from hashinsight.common.money import CURRENCY_CHOICES


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


class ContractFilter(ApiFilterSet):
    """Of contracts."""

    status = choice(ContractStatus.choices)
    customer = row("customer")
    number = django_filters.CharFilter(max_length=40)
    currency = choice(CURRENCY_CHOICES)
    starts_from = day("starts_on", "gte")
    starts_to = day("starts_on", "lte")
    ends_from = day("ends_on", "gte")
    ends_to = day("ends_on", "lte")
    search = SearchFilter("number", "title")


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
