"""Machines and their models: clients see their own; staff enter, place, assign, switch and retire."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from hashinsight.common.api.problems import BadRequest
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb_for_many
from hashinsight.common.context import current_request_id
from hosting.api.filters import MinerFilter, MinerModelFilter
from hosting.api.inputs import (
    AssignMinersInput,
    IntentInput,
    MinerChange,
    MinerInput,
    MinersReasonInput,
    PlaceMinersInput,
)
from hosting.api.serializers import MinerModelSerializer, MinersChangedSerializer, MinerSerializer
from hosting.api.views.series import TelemetryActions
from hosting.domain import fleet
from hosting.models import Miner, MinerModel


class MinerModelViewSet(ResourceViewSet):
    """The catalogue of machines. Clients see the models of their own machines and those shipped with the product."""

    resource = route = "miner-models"
    serializer_class = MinerModelSerializer
    filterset_class = MinerModelFilter
    ordering_fields = ("created_at", "name")
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {"list": "hosting.view_minermodel", "retrieve": "hosting.view_minermodel"}
    queryset = MinerModel.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[MinerModel]:
        """Those of own machines and the shipped ones; for staff all."""
        rows: QuerySet[MinerModel] = MinerModel.objects.visible_to(user)
        return rows


class MinerViewSet(TelemetryActions, ResourceViewSet):
    """Machines. Clients see those that are theirs now, with their place and state."""

    resource = route = "miners"
    serializer_class = MinerSerializer
    filterset_class = MinerFilter
    client_actions = frozenset({"list", "retrieve", "telemetry"})
    staff_permissions = {
        "list": "hosting.view_miner",
        "retrieve": "hosting.view_miner",
        "telemetry": "hosting.view_miner",
        "create": "hosting.add_miner",
        "partial_update": "hosting.change_miner",
        "place": "hosting.place_miner",
        "take_out": "hosting.place_miner",
        "assign": "hosting.assign_miner",
        "intent": "hosting.switch_miner",
        "retire": "hosting.retire_miner",
    }
    queryset = Miner.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Miner]:
        """Own machines; for staff all."""
        rows: QuerySet[Miner] = Miner.objects.visible_to(user)
        return rows.select_related("model", "site", "zone", "rack", "customer")

    @described(request=MinerInput, responses={201: MinerSerializer})
    def create(self, request: Request) -> Effect:
        """Enter a machine (staff); it is paused, in the storeroom, and our own until it is placed and assigned."""
        data = self.read_input(MinerInput)
        return Effect(
            call=lambda: _register(data, request.user), answer=lambda made: self.shown_again(made, status=201)
        )

    @described(request=MinerChange, responses={200: MinerSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change data of a machine (staff). 409 `no_capacity`, `cap_reached`: more power does not fit."""
        miner = self.get_row()
        changes = self.read_input(MinerChange, partial=True)
        return Effect(
            call=lambda: fleet.change_miner(miner, changes=changes, by=request.user, at=timezone.now()),
            answer=self.shown_again,
            target=miner,
        )

    @described(request=PlaceMinersInput, responses={200: MinersChangedSerializer})
    @verb_for_many("place")
    def place(self, request: Request) -> Effect:
        """Place or move machines (staff), all or none.

        409 says by how many kW they do not fit: `no_capacity` in the place, `cap_reached` under their owners' terms.
        """
        data = self.read_input(PlaceMinersInput)
        miners, first = data["miners"], data.get("first_slot")
        if first is not None and data.get("rack") is None:
            raise BadRequest("invalid", _("A slot needs its rack; slots are counted from 1."))
        slots = None if first is None else {miner.pk: first + number for number, miner in enumerate(miners)}
        spot = fleet.Spot(data["site"], data.get("zone"), data.get("rack"), slots)
        return _for_all(
            miners,
            lambda: fleet.place_miners(
                miners, spot=spot, by=request.user, at=timezone.now(), reason=data.get("reason", "")
            ),
        )

    @described(request=MinersReasonInput, responses={200: MinersChangedSerializer})
    @verb_for_many("take-out")
    def take_out(self, request: Request) -> Effect:
        """Take machines out of their places, into the storeroom (staff), all or none."""
        return self._with_reason(fleet.take_out_miners)

    @described(request=AssignMinersInput, responses={200: MinersChangedSerializer})
    @verb_for_many("assign")
    def assign(self, request: Request) -> Effect:
        """Give machines to a customer, or back to the house (staff), all or none.

        409 `cap_reached` says by how many kW what stands somewhere does not fit under the customer's terms there.
        """
        data = self.read_input(AssignMinersInput)
        now = timezone.now()
        return _for_all(
            data["miners"],
            lambda: fleet.assign_miners(
                data["miners"], customer=data["customer"], since=data.get("since") or fleet.quarter_hour(now),
                by=request.user, at=now, reason=data.get("reason", ""),
            ),
        )  # fmt: skip

    @described(request=IntentInput, responses={200: MinersChangedSerializer})
    @verb_for_many("intent")
    def intent(self, request: Request) -> Effect:
        """Say what machines should do (staff), all or none."""
        data = self.read_input(IntentInput)
        miners = data.pop("miners")
        return _for_all(miners, lambda: fleet.set_intent(miners, by=request.user, at=timezone.now(), **data))

    @described(request=MinersReasonInput, responses={200: MinersChangedSerializer})
    @verb_for_many("retire")
    def retire(self, request: Request) -> Effect:
        """Retire machines (staff), all or none: they leave their places and are kept for their history."""
        return self._with_reason(fleet.retire_miners)

    def _with_reason(self, move: Callable[..., Any]) -> Effect:
        data = self.read_input(MinersReasonInput)
        user = self.request.user
        return _for_all(data["miners"], lambda: move(data["miners"], by=user, at=timezone.now(), reason=data["reason"]))


def _register(data: dict[str, Any], by: Any) -> Miner:
    """Checked before it is saved, as the domain wants it; the maker is that of the model."""
    miner = Miner(**data)
    if miner.model is not None:
        miner.manufacturer = miner.model.manufacturer
    elif not miner.manufacturer:
        raise ValidationError({"manufacturer": [_("State the maker, or a model of the catalogue.")]})
    miner.full_clean()
    return fleet.register_miners([miner], by=by, at=timezone.now())[0]


def _for_all(miners: list[Miner], call: Callable[[], Any]) -> Effect:
    body = {"miners": [str(miner.public_id) for miner in miners], "request_id": current_request_id() or ""}
    return Effect(call=call, answer=lambda _done: Answer(body))
