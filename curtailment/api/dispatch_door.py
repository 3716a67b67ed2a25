"""``POST /api/v1/dispatches/{programme}/``: a programme calls on our load; its signature is the way in."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema_serializer
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from curtailment.domain.dispatch.dispatches import Heard, MessageDiffers, code_text, receive
from curtailment.domain.dispatch.programmes import live_secrets
from curtailment.engine.dispatch_message import LARGEST, Malformed, NotSigned, TooOld, call_of, verify
from curtailment.engine.dispatching import Code, Outcome
from curtailment.enums import DispatchSource, DispatchState, Goal
from curtailment.models import DispatchMessage, Programme
from hashinsight.common.api.doors import DoorView
from hashinsight.common.api.fields import InputSerializer
from hashinsight.common.api.parsers import read_object
from hashinsight.common.api.problems import BadRequest, Problem
from hashinsight.common.api.throttling import KeyThrottle
from hashinsight.common.requests import client_ip

GOALS = Goal.choices
ACTIONS = [("call", "call"), ("cancel", "cancel")]
OUTCOMES = [(one.value, one.value) for one in Outcome]
CODES = [("", ""), *((one.value, one.value) for one in Code)]
STATES = [(one.value, one.value) for one in DispatchState]
_PROGRAMME_ID = "0199f3d2-1a10-7d20-8b30-4c5d6e7f8a01"
_SITE_ID = "0199f3c0-1a10-7d20-8b30-4c5d6e7f8a01"
_DISPATCH_ID = "0199f3d2-2b20-7e31-9c41-5d6e7f8a9b02"


def _header(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True, description=text)


HEADERS = [
    _header("webhook-id", "Of the message, your own; a repeat with the same id and body gets the first answer."),
    _header("webhook-timestamp", "Seconds since 1970 at the moment of signing; at most five minutes from our clock."),
    _header(
        "webhook-signature",
        "`v1,` and the base64 of HMAC-SHA256 over id, timestamp and body, joined by dots (Standard Webhooks 1.0)."
        " Several with spaces between them; one has to fit.",
    ),
]


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "request",
            request_only=True,
            value={
                "dispatch": "ERS-2026-1129-1", "action": "call", "starts_at": "2026-11-29T17:00:00Z",
                "ends_at": "2026-11-29T19:00:00Z", "kw": "5000", "sequence": 1, "sent_at": "2026-11-29T16:30:00Z",
            },
        )
    ]
)  # fmt: skip
class DispatchInput(InputSerializer):
    """A dispatch as it is to be from now on; each message says all of it.

    Left out: `starts_at` at once, `goal` and `kw` as committed, `site` the only one. Without `ends_at` it must say
    `open_ended`. Of two messages the one with the larger `sequence` (else the later `sent_at`) holds.
    """

    dispatch = serializers.CharField(max_length=200)
    action = serializers.ChoiceField(choices=ACTIONS, required=False, allow_null=True)
    site = serializers.CharField(max_length=200, required=False, allow_null=True)
    starts_at = serializers.DateTimeField(required=False, allow_null=True)
    ends_at = serializers.DateTimeField(required=False, allow_null=True)
    open_ended = serializers.BooleanField(required=False, allow_null=True)
    goal = serializers.ChoiceField(choices=GOALS, required=False, allow_null=True)
    kw = serializers.DecimalField(max_digits=14, decimal_places=3, required=False, allow_null=True)
    test = serializers.BooleanField(required=False, allow_null=True)
    authorised = serializers.BooleanField(required=False, allow_null=True)
    sequence = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    sent_at = serializers.DateTimeField(required=False, allow_null=True)
    reason = serializers.CharField(max_length=300, required=False, allow_null=True)


class DispatchShownSerializer(serializers.Serializer[Any]):
    """What holds now."""

    dispatch_id = serializers.UUIDField(read_only=True)
    reference = serializers.CharField(read_only=True)
    programme = serializers.CharField(read_only=True)
    site_id = serializers.UUIDField(read_only=True)
    state = serializers.ChoiceField(choices=STATES, read_only=True)
    revision = serializers.IntegerField(read_only=True)
    goal = serializers.ChoiceField(choices=GOALS, read_only=True)
    kw = serializers.CharField(read_only=True)
    starts_at = serializers.DateTimeField(read_only=True)
    ends_at = serializers.DateTimeField(read_only=True, allow_null=True)
    is_test = serializers.BooleanField(read_only=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "answer",
            response_only=True,
            value={
                "outcome": "applied", "code": "", "marks": [], "received_at": "2026-11-29T16:30:01.500000+00:00",
                "repeated": False,
                "dispatch": {
                    "dispatch_id": _DISPATCH_ID, "reference": "ERS-2026-1129-1", "programme": "ERS",
                    "site_id": _SITE_ID, "state": "accepted", "revision": 1, "goal": "by", "kw": "5000.000",
                    "starts_at": "2026-11-29T17:00:00+00:00", "ends_at": "2026-11-29T19:00:00+00:00",
                    "is_test": False,
                },
            },
        )
    ]
)  # fmt: skip
class DispatchTakenSerializer(serializers.Serializer[Any]):
    """What came of the message; `repeated`: the answer it got before."""

    outcome = serializers.ChoiceField(choices=OUTCOMES, read_only=True)
    code = serializers.ChoiceField(choices=CODES, read_only=True)
    marks = serializers.ListField(child=serializers.CharField(), read_only=True)
    received_at = serializers.DateTimeField(read_only=True)
    repeated = serializers.BooleanField(read_only=True)
    dispatch = DispatchShownSerializer(read_only=True, allow_null=True)


@dataclass
class Sender:
    """What stands for the caller in place of a user: nobody who may log in."""

    programme: Programme
    body: bytes
    is_authenticated = True
    is_active = True
    is_staff = False
    pk = None


class SignatureAuthentication(BaseAuthentication):
    """A signature made with a secret of the programme in the address."""

    def authenticate(self, request: Request) -> tuple[Any, Any]:
        """Whoever signed; an unknown programme and a wrong signature are told alike."""
        body = read_body(request._request)
        row = self._programme(request)
        said = {name: request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")}
        now = timezone.now()
        try:
            verify(
                live_secrets(row, now) if row else [], message_id=said["id"], timestamp=said["timestamp"],
                signatures=said["signature"], body=body, at=now,
            )  # fmt: skip
        except NotSigned as error:
            raise exceptions.AuthenticationFailed(
                _("No signature of this programme: see %(header)s.") % {"header": error}, code="signature_invalid"
            ) from error
        except TooOld as error:
            raise exceptions.AuthenticationFailed(
                _("It was signed more than five minutes from now."), code="signature_expired"
            ) from error
        if row is None:  # no secret, no signature: never reached
            raise exceptions.AuthenticationFailed(code="signature_invalid")
        return Sender(row, body), row

    def _programme(self, request: Request) -> Programme | None:
        programme_id = (request.parser_context or {}).get("kwargs", {}).get("id")
        found: Programme | None = Programme.objects.filter(public_id=programme_id, is_active=True).first()
        return found

    def authenticate_header(self, request: Request) -> str:
        """Makes the answer a 401."""
        return 'Signature realm="HashInsight dispatches"'


class SignatureScheme(OpenApiAuthenticationExtension):
    """The signature in the description."""

    target_class = "curtailment.api.dispatch_door.SignatureAuthentication"
    name = "WebhookSignature"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """As a key in a header, for want of a better word."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "webhook-signature",
            "description": "Made with the signing secret of the programme (Standard Webhooks 1.0). It opens this call"
            " and no other.",
        }


class SenderThrottle(KeyThrottle):
    """``edge`` per programme, ``anonymous`` per address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this call."""
        if isinstance(request.user, Sender):
            return self.count("edge", f"programme-{request.user.programme.pk}")
        return self.count("anonymous", client_ip(request._request) or "unknown")


class DispatchView(DoorView):
    """A programme calls on our load, changes what it called, or takes it back."""

    door = "dispatches"
    http_method_names = ["post"]
    takes = DispatchInput
    answers: ClassVar[dict[int, Any]] = {200: DispatchTakenSerializer, 201: DispatchTakenSerializer}
    errors = frozenset({400, 401, 404, 409, 413, 415, 422, 429})
    parameters: ClassVar[list[Any]] = HEADERS
    authentication_classes: Any = (SignatureAuthentication,)
    throttle_classes = [SenderThrottle]

    def check_permissions(self, request: Request) -> None:
        """The signature is the permission."""
        if not isinstance(request.user, Sender):
            raise exceptions.NotAuthenticated

    def post(self, request: Request, id: Any) -> Response:
        """Take a message about a dispatch in: a call, a change or a cancellation."""
        sender: Any = request.user
        try:
            call, site = call_of(read_object(sender.body))
        except Malformed as error:
            text = f"{error.name} {error}"
            raise BadRequest("invalid", text, errors=[_pointer(error)]) from error
        heard = Heard(call, DispatchSource.WEBHOOK, sender.body.decode(), request.headers["webhook-id"], site)
        try:
            message, before = receive(sender.programme, heard, at=timezone.now())
        except MessageDiffers as refusal:
            raise Problem(422, "idempotency_mismatch", refusal.message) from refusal
        if message.outcome == Outcome.REFUSED:
            raise Problem(409, message.code, code_text(message.code))
        return Response(_answer(message, before=before), status=200 if before else 201)


def _answer(message: DispatchMessage, *, before: bool) -> dict[str, Any]:
    return {**message.answer, "repeated": before}


def _pointer(error: Malformed) -> dict[str, str]:
    name = error.name.replace("~", "~0").replace("/", "~1")[:100]
    return {"pointer": f"#/{name}", "code": "invalid", "detail": str(error)}


def read_body(request: HttpRequest) -> bytes:
    """The body as it came. Raises Problem for one that is too large or no JSON."""
    kind = (request.content_type or "").partition(";")[0].strip().lower()
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if kind != "application/json" or encoding != "identity":
        raise Problem(415, "unsupported_media_type", _("Send application/json as it is."))
    too_large = Problem(413, "body_too_large", _("A message has at most %(most)s bytes.") % {"most": LARGEST})
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) > LARGEST:
        raise too_large
    raw = request.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise too_large
    return raw
