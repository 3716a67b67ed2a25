"""Filters of the lists. What clients may filter by is limited to what they see; ``staff_filters`` name the rest."""

from collections.abc import Callable
from datetime import date
from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from hashinsight.common.api.filters import ApiFilterSet, FlagFilter, SearchFilter, choice, day, moment, row
from hashinsight.common.money import CURRENCY_CHOICES
from hosting.domain.finding import address_of, mac_of
from hosting.enums import (
    BillingBasis,
    Cooling,
    HostingKind,
    MinerHealth,
    MinerIntent,
    MinerStatus,
    PlaceStatus,
    TicketKind,
    TicketPriority,
    TicketStatus,
)
from hosting.models.miner import with_status


class SiteFilter(ApiFilterSet):
    """Of sites."""

    status = choice(PlaceStatus.choices)
    country = django_filters.CharFilter(max_length=2)
    search = SearchFilter("name", "location")


class ZoneFilter(ApiFilterSet):
    """Of zones."""

    site = row("site")
    status = choice(PlaceStatus.choices)
    search = SearchFilter("name")


class RackFilter(ApiFilterSet):
    """Of racks."""

    site = row("zone__site")
    zone = row("zone")
    search = SearchFilter("name", "building", "row")


class PricePlanFilter(ApiFilterSet):
    """Of price plans."""

    zone = row("zone")
    currency = choice(CURRENCY_CHOICES)
    is_active = FlagFilter()
    search = SearchFilter("name")


class InForceFilter(django_filters.DateFilter):
    """Terms that are agreed and hold on a day."""

    def filter(self, qs: QuerySet[Any], value: date | None) -> QuerySet[Any]:
        """Begun by then and not ended."""
        if not value:
            return qs
        return qs.filter(
            Q(valid_to__isnull=True) | Q(valid_to__gt=value), agreed_at__isnull=False, valid_from__lte=value
        )


class HostingTermsFilter(ApiFilterSet):
    """Of terms."""

    contract = row("contract")
    customer = row("contract__customer")
    site = row("site")
    zone = row("zone")
    price_plan = row("price_plan")
    kind = choice(HostingKind.choices)
    basis = choice(BillingBasis.choices)
    in_force_on = InForceFilter()
    valid_from_to = day("valid_from", "lte")


class MinerModelFilter(ApiFilterSet):
    """Of the catalogue."""

    manufacturer = django_filters.CharFilter(lookup_expr="iexact", max_length=50)
    cooling = choice(Cooling.choices)
    is_active = FlagFilter()
    search = SearchFilter("name", "chip")


class StatusFilter(django_filters.ChoiceFilter):
    """The derived word, as conditions on what it is derived from."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Machines of this status."""
        return qs.filter(with_status(value)) if value else qs


class FormFilter(django_filters.CharFilter):
    """An address in whatever form it is written; what is none matches nothing."""

    def __init__(self, stored: Callable[[str], str | None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stored = stored

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Machines with this address."""
        if not value:
            return qs
        known = self.stored(value)
        return qs.filter(**{str(self.field_name): known}) if known else qs.none()


class MinerFilter(ApiFilterSet):
    """Of machines."""

    staff_filters = frozenset({"address"})

    site = row("site")
    zone = row("zone")
    rack = row("rack")
    model = row("model")
    customer = row("customer")
    status = StatusFilter(choices=MinerStatus.choices)
    intent = choice(MinerIntent.choices)
    health = choice(MinerHealth.choices)
    serial = django_filters.CharFilter(lookup_expr="iexact", max_length=100)
    mac = FormFilter(mac_of, max_length=17)
    address = FormFilter(address_of, max_length=45)
    created_from = moment("created_at", "gte")
    created_before = moment("created_at", "lt")


class TicketFilter(ApiFilterSet):
    """Of tickets."""

    customer = row("customer")
    site = row("site")
    miner = row("miners")
    kind = choice(TicketKind.choices)
    priority = choice(TicketPriority.choices)
    status = choice(TicketStatus.choices)
    created_after = moment("created_at", "gte")
    created_before = moment("created_at", "lt")
    search = SearchFilter("subject")
