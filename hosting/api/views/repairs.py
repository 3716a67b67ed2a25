"""Repair orders: read by everybody whose machine it was; ordered and finished in the back office."""

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from hashinsight.common.api.views import ResourceViewSet
from hosting.api.repairs import RepairOrderFilter, RepairOrderSerializer
from hosting.models import Miner, RepairOrder, Ticket


class RepairOrderViewSet(ResourceViewSet):
    """Repair orders. Clients see those of machines that were theirs when the order began."""

    resource = route = "repair-orders"
    serializer_class = RepairOrderSerializer
    filterset_class = RepairOrderFilter
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {"list": "hosting.view_repairorder", "retrieve": "hosting.view_repairorder"}
    queryset = RepairOrder.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[RepairOrder]:
        """Own ones; for staff all. Machine and ticket are asked aside: a client may see the order and not them."""
        rows: QuerySet[RepairOrder] = RepairOrder.objects.visible_to(user)
        miners = Miner.objects.visible_to(user).filter(pk=OuterRef("miner_id"))
        tickets = Ticket.objects.visible_to(user).filter(pk=OuterRef("ticket_id"))
        return rows.select_related("customer").annotate(
            shown_miner=Subquery(miners.values("public_id")), shown_ticket=Subquery(tickets.values("public_id"))
        )
