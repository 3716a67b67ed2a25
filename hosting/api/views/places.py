"""Sites, zones and racks: clients see where they are; staff make, change, archive and delete."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request

from hashinsight.common.api.schema import described
from hashinsight.common.api.scope import is_client
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb
from hosting.api.filters import RackFilter, SiteFilter, ZoneFilter
from hosting.api.inputs import PlaceReasonInput, RackChange, RackInput, SiteChange, SiteInput, ZoneChange, ZoneInput
from hosting.api.serializers import RackSerializer, SiteSerializer, ZoneSerializer
from hosting.domain import places
from hosting.models import Rack, Site, Zone


class PlaceViewSet(ResourceViewSet):
    """What the calls of places share."""

    making: ClassVar[Callable[..., Any]]

    def made(self, data: dict[str, Any]) -> Effect:
        """A new place."""
        making = type(self).making
        return Effect(
            call=lambda: making(at=timezone.now(), **data), answer=lambda row: self.shown_again(row, status=201)
        )

    def changed(self, changes: Any) -> Effect:
        """A place with other columns."""
        place = self.get_row()
        changes = self.read_input(changes, partial=True)
        return Effect(call=lambda: places.change_place(place, changes=changes), answer=self.shown_again, target=place)

    def gone(self) -> Effect:
        """A place that is no more."""
        place = self.get_row()
        return Effect(
            call=lambda: places.delete_place(place), answer=lambda _none: Answer(None, status=204), target=place
        )

    def moved(self, move: Callable[..., Any]) -> Effect:
        """Archived, or in use again."""
        place = self.get_row()
        data = self.read_input(PlaceReasonInput)
        return Effect(call=lambda: move(place, by=self.request.user, **data), answer=self.shown_again, target=place)


class SiteViewSet(PlaceViewSet):
    """Sites. Clients see those where own machines stand or own terms are agreed, and neither their size nor costs."""

    resource = route = "sites"
    serializer_class = SiteSerializer
    filterset_class = SiteFilter
    ordering_fields = ("created_at", "name")
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "hosting.view_site",
        "retrieve": "hosting.view_site",
        "create": "hosting.add_site",
        "partial_update": "hosting.change_site",
        "destroy": "hosting.delete_site",
        "archive": "hosting.archive_site",
        "use": "hosting.archive_site",
    }
    queryset = Site.objects.none()
    making = staticmethod(places.create_site)

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Site]:
        """Where the caller is; for staff all."""
        rows: QuerySet[Site] = Site.objects.visible_to(user)
        return rows if is_client(user) else rows.select_related("legal_entity", "energy_series")

    @described(request=SiteInput, responses={201: SiteSerializer})
    def create(self, request: Request) -> Effect:
        """Add a site (staff)."""
        return self.made(self.read_input(SiteInput))

    @described(request=SiteChange, responses={200: SiteSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a site (staff)."""
        return self.changed(SiteChange)

    @described(responses={204: None})
    def destroy(self, request: Request, id: Any) -> Effect:
        """Delete a site on which nothing hangs (staff); else 409 `place_refused` naming what does."""
        return self.gone()

    @described(request=PlaceReasonInput, responses={200: SiteSerializer})
    @verb
    def archive(self, request: Request, id: Any) -> Effect:
        """Take no more machines there (staff); 409 while some stand there."""
        return self.moved(places.archive)

    @described(request=PlaceReasonInput, responses={200: SiteSerializer})
    @verb
    def use(self, request: Request, id: Any) -> Effect:
        """Take an archived site into use again (staff)."""
        return self.moved(places.take_into_use)


class ZoneViewSet(PlaceViewSet):
    """Zones. Clients see those where own machines stand or own terms are agreed, not their size."""

    resource = route = "zones"
    serializer_class = ZoneSerializer
    filterset_class = ZoneFilter
    client_actions = frozenset({"list", "retrieve"})
    staff_permissions = {
        "list": "hosting.view_zone",
        "retrieve": "hosting.view_zone",
        "create": "hosting.add_zone",
        "partial_update": "hosting.change_zone",
        "destroy": "hosting.delete_zone",
        "archive": "hosting.archive_site",
        "use": "hosting.archive_site",
    }
    queryset = Zone.objects.none()
    making = staticmethod(places.create_zone)

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Zone]:
        """Where the caller is; for staff all."""
        rows: QuerySet[Zone] = Zone.objects.visible_to(user).select_related("site")
        return rows

    @described(request=ZoneInput, responses={201: ZoneSerializer})
    def create(self, request: Request) -> Effect:
        """Add a zone (staff)."""
        return self.made(self.read_input(ZoneInput))

    @described(request=ZoneChange, responses={200: ZoneSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a zone (staff)."""
        return self.changed(ZoneChange)

    @described(responses={204: None})
    def destroy(self, request: Request, id: Any) -> Effect:
        """Delete a zone on which nothing hangs (staff); else 409 `place_refused` naming what does."""
        return self.gone()

    @described(request=PlaceReasonInput, responses={200: ZoneSerializer})
    @verb
    def archive(self, request: Request, id: Any) -> Effect:
        """Take no more machines there (staff); 409 while some stand there."""
        return self.moved(places.archive)

    @described(request=PlaceReasonInput, responses={200: ZoneSerializer})
    @verb
    def use(self, request: Request, id: Any) -> Effect:
        """Take an archived zone into use again (staff)."""
        return self.moved(places.take_into_use)


class RackViewSet(PlaceViewSet):
    """Racks: shelves with numbered slots. For staff only; a client sees the rack on its machines."""

    resource = route = "racks"
    staff_only = True
    serializer_class = RackSerializer
    filterset_class = RackFilter
    staff_permissions = {
        "list": "hosting.view_rack",
        "retrieve": "hosting.view_rack",
        "create": "hosting.add_rack",
        "partial_update": "hosting.change_rack",
        "destroy": "hosting.delete_rack",
    }
    queryset = Rack.objects.none()
    making = staticmethod(places.create_rack)

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Rack]:
        """All, for staff."""
        rows: QuerySet[Rack] = Rack.objects.visible_to(user).select_related("zone")
        return rows

    @described(request=RackInput, responses={201: RackSerializer})
    def create(self, request: Request) -> Effect:
        """Add a rack."""
        return self.made(self.read_input(RackInput))

    @described(request=RackChange, responses={200: RackSerializer})
    def partial_update(self, request: Request, id: Any) -> Effect:
        """Change a rack."""
        return self.changed(RackChange)

    @described(responses={204: None})
    def destroy(self, request: Request, id: Any) -> Effect:
        """Delete an empty rack; else 409 `place_refused` naming what stands there."""
        return self.gone()
