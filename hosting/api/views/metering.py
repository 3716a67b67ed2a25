"""Usage of terms and demand of zones: read, never written; lists show what holds now, an id any version."""

from typing import Any

from django.db.models import QuerySet

from hashinsight.common.api.views import ResourceViewSet
from hosting.api.metering import DemandFilter, DemandSerializer, UsageFilter, UsageSerializer
from hosting.models import Demand15Min, Usage15Min


class UsageViewSet(ResourceViewSet):
    """Usage by quarter-hours. Clients see that of own terms, also of machines that are no longer theirs."""

    resource = route = "usage"
    serializer_class = UsageSerializer
    filterset_class = UsageFilter
    ordering_fields = ("interval_start",)
    default_ordering = "-interval_start"
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {"list": "hosting.view_usage15min", "retrieve": "hosting.view_usage15min"}
    queryset = Usage15Min.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Usage15Min]:
        """What holds now of own terms; for staff of all."""
        rows: QuerySet[Usage15Min] = cls.detail_rows_for(user).filter(superseded_at__isnull=True)
        return rows

    @classmethod
    def detail_rows_for(cls, user: Any) -> QuerySet[Usage15Min]:
        """Earlier versions too: invoices name the version they used."""
        rows: QuerySet[Usage15Min] = Usage15Min.objects.visible_to(user)
        return rows.select_related("terms__contract__customer")


class DemandViewSet(ResourceViewSet):
    """Demand of zones by quarter-hours. For staff only: a zone is shared."""

    resource = route = "demand"
    staff_only = True
    serializer_class = DemandSerializer
    filterset_class = DemandFilter
    ordering_fields = ("interval_start",)
    default_ordering = "-interval_start"
    staff_permissions = {"list": "hosting.view_demand15min", "retrieve": "hosting.view_demand15min"}
    queryset = Demand15Min.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Demand15Min]:
        """What holds now."""
        return cls.detail_rows_for(user).filter(superseded_at__isnull=True)

    @classmethod
    def detail_rows_for(cls, user: Any) -> QuerySet[Demand15Min]:
        """Earlier versions too."""
        rows: QuerySet[Demand15Min] = Demand15Min.objects.visible_to(user).select_related("zone")
        return rows
