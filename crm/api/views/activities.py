"""Activities: clients see those meant for them and write their own; staff see and write all."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from crm.api.filters import ActivityFilter
from crm.api.inputs import ActivityInput, ClientActivityInput
from crm.api.serializers import ActivitySerializer
from crm.domain import activities
from crm.models import Activity
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Effect, ResourceViewSet


class ActivityViewSet(ResourceViewSet):
    """What happened between us and a customer. Clients see what is marked for them."""

    resource = route = "activities"
    serializer_class = ActivitySerializer
    filterset_class = ActivityFilter
    ordering_fields = ("occurred_at",)
    default_ordering = "-occurred_at"
    client_actions = frozenset({"list", "retrieve", "create"})
    staff_permissions = {"list": "crm.view_activity", "retrieve": "crm.view_activity", "create": "crm.add_activity"}
    queryset = Activity.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Activity]:
        """Own and visible ones; for staff all."""
        rows: QuerySet[Activity] = Activity.objects.visible_to(user).select_related("customer", "deal", "invoice")
        return rows if is_client(user) else rows.select_related("lead")

    @described(request=ActivityInput, responses={201: ActivitySerializer})
    def create(self, request: Request) -> Effect:
        """Write down what happened. What a client writes belongs to its customer and is visible to the client."""
        data = self.read_input(ClientActivityInput if is_client(request.user) else ActivityInput)
        return Effect(
            call=lambda: activities.create_activity(by=request.user, at=timezone.now(), **data),
            answer=lambda made: self.shown_again(made, status=201),
        )
