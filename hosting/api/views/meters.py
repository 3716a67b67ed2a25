"""Meters and their readings, for staff; and the doors by which edge devices learn of them and bring what they read."""

import hashlib
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from hashinsight.common.api.problems import Problem
from hashinsight.common.api.schema import described
from hashinsight.common.api.views import Answer, Effect, ResourceViewSet, verb
from hosting.api.edge import ENCODING, SENT_AT, BatchTakenSerializer
from hosting.api.meters import (
    MeterBatchInput,
    MeterFilter,
    MeterReadingFilter,
    MeterReadingSerializer,
    MeterSerializer,
    MetersToReadSerializer,
    PushReadingsInput,
    ReadingsTakenSerializer,
    to_read,
)
from hosting.api.views.edge import REFUSALS, EdgeView, body_of, moment_of
from hosting.domain.meters.batches import meters_to_read, push_readings, take_meter_batch
from hosting.engine.ingest.wire import BatchRefused, inflate
from hosting.engine.metering.wire import read_batch
from hosting.models import Meter, MeterReading

JSON = "application/json"


class MeterViewSet(ResourceViewSet):
    """Meters of sites. For staff only."""

    resource = route = "meters"
    staff_only = True
    serializer_class = MeterSerializer
    filterset_class = MeterFilter
    staff_permissions = {
        "list": "hosting.view_meter", "retrieve": "hosting.view_meter", "readings": "hosting.import_meterreading",
    }  # fmt: skip
    queryset = Meter.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[Meter]:
        """All, for staff."""
        rows: QuerySet[Meter] = Meter.objects.visible_to(user).select_related("site", "zone")
        return rows

    @described(request=PushReadingsInput, responses={200: ReadingsTakenSerializer})
    @verb
    def readings(self, request: Request, id: Any) -> Effect:
        """Push readings of a meter (staff). Twice is once; what is not believed is put aside and counted.

        409 `meter_refused`: the meter is read by somebody else.
        """
        meter = self.get_row()
        said = self.read_input(PushReadingsInput)["readings"]
        return Effect(call=lambda: push_readings(meter, said, at=timezone.now()), answer=Answer)


class MeterReadingViewSet(ResourceViewSet):
    """Readings of meters, as they were multiplied when they came in. For staff only."""

    resource = route = "meter-readings"
    staff_only = True
    serializer_class = MeterReadingSerializer
    filterset_class = MeterReadingFilter
    ordering_fields = ("recorded_at",)
    default_ordering = "-recorded_at"
    staff_permissions = {"list": "hosting.view_meterreading", "retrieve": "hosting.view_meterreading"}
    queryset = MeterReading.objects.none()

    @classmethod
    def rows_for(cls, user: Any) -> QuerySet[MeterReading]:
        """All, for staff."""
        rows: QuerySet[MeterReading] = MeterReading.objects.visible_to(user).select_related("meter")
        return rows


class EdgeMetersView(EdgeView):
    """``GET meters/``."""

    http_method_names = ["get"]
    answers: ClassVar[dict[int, Any]] = {200: MetersToReadSerializer}

    def get(self, request: Request) -> Response:
        """The meters to read, how often, and how they are reached."""
        return Response({"meters": [to_read(one) for one in meters_to_read(self.caller.device, at=timezone.now())]})


class EdgeMeterReadingsView(EdgeView):
    """``POST meter-readings/``."""

    http_method_names = ["post"]
    takes = MeterBatchInput
    answers: ClassVar[dict[int, Any]] = {200: BatchTakenSerializer, 201: BatchTakenSerializer}
    errors = frozenset({400, 401, 409, 413, 415, 429})
    parameters: ClassVar[list[Any]] = [SENT_AT, ENCODING]

    def post(self, request: Request) -> Response:
        """Take a batch of readings of meters in; the same batch again gets the same answer."""
        sent_at = moment_of(request.headers.get("X-Sent-At"))
        raw, batch = _read(request._request)
        answer = take_meter_batch(
            self.caller.device, batch, digest=hashlib.sha256(raw).hexdigest(), sent_at=sent_at, at=timezone.now()
        )
        return Response(answer, status=200 if answer["repeated"] else 201)


def _read(request: HttpRequest) -> tuple[bytes, Any]:
    """The body, inflated, and what it says. Raises Problem."""
    raw, kind = body_of(request)
    if kind != JSON:
        raise Problem(415, "unsupported_media_type", _("Send %(kinds)s, gzip or as it is.") % {"kinds": JSON})
    try:
        if request.headers.get("Content-Encoding", "identity").strip().lower() == "gzip":
            raw = inflate(raw)
        return raw, read_batch(raw)
    except BatchRefused as refusal:
        detail = REFUSALS[refusal.code] % refusal.facts
        raise Problem(413 if refusal.code == "body_too_large" else 400, refusal.code, detail) from refusal
