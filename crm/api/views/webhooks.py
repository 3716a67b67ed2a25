"""Webhooks of customers, and the log of what was sent to them. A customer's admins keep them, its viewers look on."""

from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from crm.api.webhooks import (
    NewWebhookSerializer,
    WebhookChange,
    WebhookDeliverySerializer,
    WebhookInput,
    WebhookRotateInput,
    WebhookSerializer,
)
from crm.domain.queries import may_administer
from crm.models import Customer
from hashinsight.common.api.fields import NoInput
from hashinsight.common.api.filters import ApiFilterSet, choice
from hashinsight.common.api.problems import Problem
from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb
from hashinsight.notify.domain import channels, sending, webhooks
from hashinsight.notify.enums import ChannelKind, DeliveryState
from hashinsight.notify.models import Channel, Delivery

VERBS = {
    "list": "notify.view_channel",
    "retrieve": "notify.view_channel",
    "create": "notify.add_channel",
    "partial_update": "notify.change_channel",
    "rotate": "notify.rotate_channel",
    "enable": "notify.switch_channel",
    "disable": "notify.switch_channel",
    "test": "notify.test_channel",
}


def require_admin(user: Any, customer_id: int) -> None:
    """A client must be an admin of the customer; staff have been asked for their permission."""
    if is_client(user) and not may_administer(user, Customer(pk=customer_id)):
        raise Problem(403, "permission_denied", _("Only an admin of the customer may do this."))


class WebhookViewSet(ResourceViewSet):
    """Where a customer's events go: signed POST requests to a web server of the customer."""

    resource = route = "webhooks"
    serializer_class = WebhookSerializer
    client_actions = frozenset(VERBS)
    staff_permissions = VERBS
    queryset = Channel.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Channel]:
        """Own ones; for staff those of all customers."""
        owner = Customer.objects.filter(pk=OuterRef("customer_id")).values("public_id")[:1]
        rows: QuerySet[Channel] = Channel.objects.visible_to(user).filter(kind=ChannelKind.WEBHOOK)
        return rows.exclude(customer_id=None).annotate(customer_public_id=Subquery(owner)).prefetch_related("rules")

    @described(request=WebhookInput, responses={201: NewWebhookSerializer})
    def create(self, request: Request) -> Effect:
        """Register a webhook; the answer tells its signing secret, once."""
        data = self.read_input(WebhookInput)
        customer = data.pop("customer")
        require_admin(request.user, customer.pk)
        return Effect(
            call=lambda: webhooks.create_webhook(customer_id=customer.pk, by=request.user, at=timezone.now(), **data),
            answer=self._told,
            remember=_without_secret,
        )

    @described(request=WebhookChange, responses={200: WebhookSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change name, address or kinds."""
        channel = self._mine(request)
        changes = self.read_input(WebhookChange, partial=True)
        return Effect(
            call=lambda: webhooks.change_webhook(channel, changes=changes, by=request.user),
            answer=self.shown_again,
            target=channel,
        )

    @described(request=WebhookRotateInput, responses={201: NewWebhookSerializer})
    @verb
    def rotate(self, request: Request, id: Any) -> Effect:
        """Make a new signing secret, told once; for the overlap messages carry signatures of both."""
        channel = self._mine(request)
        overlap = timedelta(hours=self.read_input(WebhookRotateInput)["overlap_hours"])
        return Effect(
            call=lambda: channels.rotate_secret(channel, by=request.user, at=timezone.now(), overlap=overlap),
            answer=self._told,
            target=channel,
            remember=_without_secret,
        )

    @described(request=NoInput, responses={200: WebhookSerializer})
    @verb
    def enable(self, request: Request, id: Any) -> Effect:
        """Switch it on again."""
        return self._switched(request, channels.switch_on)

    @described(request=NoInput, responses={200: WebhookSerializer})
    @verb
    def disable(self, request: Request, id: Any) -> Effect:
        """Switch it off: nothing is sent, and nothing is kept for later."""
        return self._switched(request, channels.switch_off)

    @described(request=NoInput, responses={201: WebhookDeliverySerializer})
    @verb
    def test(self, request: Request, id: Any) -> Effect:
        """Send a harmless ``channel.test`` message at once; the answer is its delivery, whose state tells the rest."""
        channel = self._mine(request)
        self.read_input(NoInput)
        return Effect(
            call=lambda: channels.send_test(channel, by=request.user, at=timezone.now())[0],
            answer=lambda made: self.shown_by(WebhookDeliveryViewSet, made, status=201),
            target=channel,
        )

    def _mine(self, request: Request) -> Channel:
        channel: Channel = self.get_row()
        require_admin(request.user, channel.customer_id or 0)
        return channel

    def _switched(self, request: Request, switch: Any) -> Effect:
        channel = self._mine(request)
        self.read_input(NoInput)
        return Effect(
            call=lambda: switch(channel, by=request.user, at=timezone.now()), answer=self.shown_again, target=channel
        )

    def _told(self, channel: Channel) -> Answer:
        shown = self.shown_again(channel, status=201)
        return Answer({**shown.body, "secret": channel.reveal_secret(), "secret_withheld": False}, 201, shown.location)


class WebhookDeliveryFilter(ApiFilterSet):
    """Of messages."""

    webhook = django_filters.UUIDFilter(field_name="channel__public_id")
    state = choice(DeliveryState.choices)


class WebhookDeliveryViewSet(ResourceViewSet):
    """What was sent to a customer's webhooks, and what they answered."""

    resource = route = "webhook-deliveries"
    serializer_class = WebhookDeliverySerializer
    filterset_class = WebhookDeliveryFilter
    client_actions = frozenset({"list", "retrieve", "redeliver"})
    staff_permissions = {
        "list": "notify.view_delivery",
        "retrieve": "notify.view_delivery",
        "redeliver": "notify.redeliver_delivery",
    }
    queryset = Delivery.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Delivery]:
        """Of own webhooks; for staff those of all customers."""
        rows: QuerySet[Delivery] = Delivery.objects.visible_to(user).exclude(customer_id=None)
        return rows.select_related("channel")

    @described(request=NoInput, responses={200: WebhookDeliverySerializer})
    @verb
    def redeliver(self, request: Request, id: Any) -> Effect:
        """Send it again: the same content and the same ``webhook-id``."""
        delivery: Delivery = self.get_row()
        require_admin(request.user, delivery.customer_id or 0)
        self.read_input(NoInput)
        return Effect(
            call=lambda: sending.redeliver(delivery, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=delivery,
        )

    def state_of(self, instance: Any) -> str:
        """A log row has no version: state and attempts tell whether something happened."""
        return f"{instance.public_id.hex}{instance.state}{instance.attempts}"


def _without_secret(body: dict[str, Any]) -> dict[str, Any]:
    """What a replay tells: the webhook, and that its secret was told before."""
    return {**body, "secret": None, "secret_withheld": True}
