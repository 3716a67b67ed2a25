"""The doors of edge devices: ``/api/v1/edge/…``, opened by a device's own token and by nothing else.

A device is no person: it has neither customers nor powers, and sees what these few addresses say of its own place. A
key of a person opens none of them, and a device's token none of the others.
"""

import hashlib
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from hashinsight.common.api.doors import DoorView
from hashinsight.common.api.problems import BadRequest, Problem
from hashinsight.common.api.throttling import KeyThrottle
from hashinsight.common.requests import client_ip
from hosting.api import schema as _schema  # noqa: F401  (makes the way in known)
from hosting.api.edge import (
    ENCODING,
    SENT_AT,
    BatchInput,
    BatchTakenSerializer,
    EnrolInput,
    EnrolledSerializer,
    MachinesToReadSerializer,
    TokenSerializer,
)
from hosting.domain import edge
from hosting.domain.edge_batches import take_batch
from hosting.domain.lease_keys import public_keys
from hosting.domain.miner_secrets import sealed_for
from hosting.engine.ingest.wire import LARGEST, MEDIA_TYPE, READERS, BatchRefused, inflate

REFUSALS = {
    "body_too_large": gettext_lazy("A batch has at most %(most)s bytes, inflated as well."),
    "not_gzip": gettext_lazy("The body is not what its Content-Encoding says."),
    "malformed_json": gettext_lazy("The body is not valid JSON."),
    "not_an_object": gettext_lazy("The body must be a JSON object."),
    "no_readings": gettext_lazy("readings must be a list."),
    "no_batch_id": gettext_lazy("batch_id must be 1 to 64 visible characters."),
    "too_many_readings": gettext_lazy("A batch has at most %(most)s readings."),
    "too_many_machines": gettext_lazy("A batch speaks of at most %(most)s machines."),
    "malformed_columns": gettext_lazy("The columns are not as their head says."),
    "unknown_column": gettext_lazy("There is no column %(name)s of this type, or it stands there twice."),
}


class Device:
    """What stands for the caller in place of a user: nobody who may log in."""

    is_authenticated = True
    is_active = True
    is_staff = False
    pk = None

    def __init__(self, caller: edge.Caller) -> None:
        self.caller = caller


class DeviceAuthentication(BaseAuthentication):
    """``Authorization: Bearer hie_…``."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """None without a token; raises when it opens nothing."""
        word, _space, presented = request.headers.get("Authorization", "").partition(" ")
        if word.lower() != "bearer":
            return None
        caller = edge.caller_by(presented.strip(), at=timezone.now())
        if caller is None:
            raise exceptions.AuthenticationFailed(_("This token opens nothing."), code="invalid_token")
        return Device(caller), caller

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer a 401."""
        return 'Bearer realm="HashInsight edge"'


class DeviceThrottle(KeyThrottle):
    """``edge`` per device, ``anonymous`` per address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this call."""
        if isinstance(request.user, Device):
            return self.count("edge", str(request.user.caller.device.pk))
        return self.count("anonymous", client_ip(request._request) or "unknown")


class EdgeView(DoorView):
    """Served for the device itself."""

    door = "edge"
    authentication_classes: Any = (DeviceAuthentication,)
    throttle_classes = [DeviceThrottle]

    def check_permissions(self, request: Request) -> None:
        """A device, whatever it asks."""
        if not isinstance(request.user, Device):
            raise exceptions.NotAuthenticated

    def afterwards(self, request: Request) -> None:
        """That the device was heard."""
        if isinstance(request.user, Device):
            edge.hear(request.user.caller.device, at=timezone.now())

    @property
    def caller(self) -> edge.Caller:
        """The device of this call."""
        user: Any = self.request.user
        caller: edge.Caller = user.caller
        return caller


class EnrolView(EdgeView):
    """``POST enrol/``: open to whoever has a code; counted by address."""

    http_method_names = ["post"]
    takes = EnrolInput
    answers: ClassVar[dict[int, Any]] = {201: EnrolledSerializer}
    errors = frozenset({400, 409, 415, 429})
    authentication_classes: Any = ()

    def check_permissions(self, request: Request) -> None:
        """The code is the permission."""

    def post(self, request: Request) -> Response:
        """Trade a code for a token, which is told this once."""
        said = self.read_input(EnrolInput)
        device, token = edge.enrol(
            said["code"],
            public_key=said["public_key"],
            software_version=said.get("software_version", ""),
            at=timezone.now(),
        )
        said = {"device_id": str(device.public_id), "serial": device.serial, "token": token}
        return Response({**said, "lease_keys": public_keys()}, status=201)


class RotateView(EdgeView):
    """``POST rotate/``."""

    http_method_names = ["post"]
    answers: ClassVar[dict[int, Any]] = {201: TokenSerializer}
    errors = frozenset({400, 401, 409, 429})

    def post(self, request: Request) -> Response:
        """A new token; the one in use opens for another day."""
        token = edge.rotate_token(self.caller, at=timezone.now())
        return Response({"token": token, "lease_keys": public_keys()}, status=201)


class MachinesView(EdgeView):
    """``GET machines/``."""

    http_method_names = ["get"]
    answers: ClassVar[dict[int, Any]] = {200: MachinesToReadSerializer}

    def get(self, request: Request) -> Response:
        """The machines to read, and how often."""
        device = self.caller.device
        listed = edge.machines_to_read(device)
        logins = sealed_for(device, listed)
        machines = [
            {
                "id": str(miner.public_id),
                "serial": miner.serial,
                "address": miner.address,
                "port": miner.port,
                "credentials": logins.get(miner.pk),
            }
            for miner in listed
        ]
        return Response({"interval_s": device.site.collection_interval_s, "machines": machines})


class BatchesView(EdgeView):
    """``POST batches/``."""

    http_method_names = ["post"]
    takes: Any = {"application/json": BatchInput, MEDIA_TYPE: OpenApiTypes.BINARY}
    answers: ClassVar[dict[int, Any]] = {200: BatchTakenSerializer, 201: BatchTakenSerializer}
    errors = frozenset({400, 401, 409, 413, 415, 429})
    parameters: ClassVar[list[Any]] = [SENT_AT, ENCODING]

    def post(self, request: Request) -> Response:
        """Take a batch of readings in, in JSON or in columns; the same batch again gets the same answer."""
        sent_at = moment_of(request.headers.get("X-Sent-At"))
        raw, kind = body_of(request._request)
        try:
            if request.headers.get("Content-Encoding", "identity").strip().lower() == "gzip":
                raw = inflate(raw)
            batch = READERS[kind](raw)
        except BatchRefused as refusal:
            detail = REFUSALS[refusal.code] % refusal.facts
            raise Problem(413 if refusal.code == "body_too_large" else 400, refusal.code, detail) from refusal
        answer = take_batch(
            self.caller.device, batch, digest=hashlib.sha256(raw).hexdigest(), sent_at=sent_at, at=timezone.now()
        )
        return Response(answer, status=200 if answer["repeated"] else 201)


def body_of(request: HttpRequest) -> tuple[bytes, str]:
    """The body as it came, and its media type. Raises Problem for one that is too large or of another kind."""
    kind = (request.content_type or "").partition(";")[0].strip().lower()
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if kind not in READERS or encoding not in ("identity", "gzip"):
        raise Problem(
            415, "unsupported_media_type", _("Send %(kinds)s, gzip or as it is.") % {"kinds": ", ".join(READERS)}
        )
    too_large = Problem(413, "body_too_large", REFUSALS["body_too_large"] % {"most": LARGEST})
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) > LARGEST:
        raise too_large
    raw = request.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise too_large
    return raw, kind


def moment_of(text: str | None) -> datetime | None:
    """The clock of the device, by the header. Raises BadRequest."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadRequest("invalid_header", _("X-Sent-At must be a time such as 2026-11-20T09:30:00Z."))
    return moment
