"""What edge devices send and are told. ``hosting.engine.ingest.wire`` reads batches; here their form is described."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import InputSerializer, public_id
from hosting.api import examples
from hosting.engine.ingest.checking import Reason
from hosting.engine.ingest.wire import LONGEST_NAME, SOURCE_WORDS, STATE_WORDS

READING_STATES = [(word, word) for word in STATE_WORDS]
_TOKEN = "hie_aB3dE5fG_" + "x" * 43
_FIGURES = ("hashrate_ths", "power_w", "chip_temp_c", "board_temp_c", "inlet_temp_c", "fan_min_rpm", "fan_max_rpm",
            "power_target_w")  # fmt: skip
_COUNTS = ("uptime_s", "shares_accepted", "shares_rejected")
SENT_AT = OpenApiParameter(
    "X-Sent-At", {"type": "string", "format": "date-time"}, OpenApiParameter.HEADER,
    description="The device's own clock at the moment of sending; more than 30 seconds from ours marks the readings.",
)  # fmt: skip
ENCODING = OpenApiParameter(
    "Content-Encoding", {"type": "string", "enum": ["identity", "gzip"]}, OpenApiParameter.HEADER,
    description="How the body is packed; its limit of 10 MB counts packed and unpacked.",
)  # fmt: skip


@extend_schema_serializer(
    examples=[
        examples.sent(
            code="ABCDE-FGHJK-LMNPQ-RSTUV", public_key="AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            software_version="1.0",
        )
    ]
)  # fmt: skip
class EnrolInput(InputSerializer):
    """A code and the key of the device: 32 bytes X25519, in base64."""

    code = serializers.CharField(max_length=40)
    public_key = serializers.CharField(max_length=64)
    software_version = serializers.CharField(max_length=60, required=False, allow_blank=True)


_LEASE_KEYS = ["11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]


def _lease_keys() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(), read_only=True)


@extend_schema_serializer(
    examples=[
        examples.shown(
            device_id=examples.COMPONENT_ID, serial="EDGE-0007", token=_TOKEN, lease_keys=_LEASE_KEYS
        )
    ]
)  # fmt: skip
class EnrolledSerializer(serializers.Serializer[Any]):
    """The token of the device, told this once; and public keys of leases (Ed25519, base64), to be pinned."""

    device_id = serializers.UUIDField(read_only=True)
    serial = serializers.CharField(read_only=True)
    token = serializers.CharField(read_only=True)
    lease_keys = _lease_keys()


@extend_schema_serializer(examples=[examples.shown(token=_TOKEN, lease_keys=_LEASE_KEYS)])
class TokenSerializer(serializers.Serializer[Any]):
    """The next token; the one in use opens for another day. And public keys of leases, to be pinned."""

    token = serializers.CharField(read_only=True)
    lease_keys = _lease_keys()


class SealedLoginSerializer(serializers.Serializer[Any]):
    """A login sealed to the key of the device, and what it is bound to."""

    sealed = serializers.CharField(read_only=True)
    associated = serializers.CharField(read_only=True)


class MachineToReadSerializer(serializers.Serializer[Any]):
    """A machine, and how it is reached."""

    id = public_id()
    serial = serializers.CharField(read_only=True)
    address = serializers.CharField(read_only=True)
    port = serializers.IntegerField(read_only=True)
    credentials = SealedLoginSerializer(read_only=True, allow_null=True)


@extend_schema_serializer(
    examples=[
        examples.shown(
            interval_s=60,
            machines=[
                {
                    "id": examples.MINER_ID, "serial": "YNAHDAEBCJJAB0123", "address": "10.1.4.17", "port": 4028,
                    "credentials": None,
                }
            ],
        )
    ]
)  # fmt: skip
class MachinesToReadSerializer(serializers.Serializer[Any]):
    """The machines of the device's zone (without one: of its site), and how often they are read."""

    interval_s = serializers.IntegerField(read_only=True)
    machines = MachineToReadSerializer(many=True, read_only=True)


class ReadingInput(InputSerializer):
    """What a machine said at a moment. What is not known is left out or null, never zero."""

    machine = serializers.UUIDField()
    recorded_at = serializers.DateTimeField()
    state = serializers.ChoiceField(choices=READING_STATES, required=False, allow_null=True)
    power_source = serializers.ChoiceField(
        choices=[(word, word) for word in SOURCE_WORDS], required=False, allow_null=True
    )

    def get_fields(self) -> dict[str, Any]:
        """The figures, too."""
        figures = {name: serializers.FloatField(required=False, allow_null=True) for name in _FIGURES}
        counts = {name: serializers.IntegerField(required=False, allow_null=True) for name in _COUNTS}
        return {**super().get_fields(), **figures, **counts}


@extend_schema_serializer(
    examples=[
        examples.sent(
            batch_id="2026-11-29T10:00Z/7",
            readings=[
                {
                    "machine": examples.MINER_ID, "recorded_at": "2026-11-29T10:00:03Z", "state": "mining",
                    "hashrate_ths": 201.4, "power_w": 3480, "power_source": "reported", "chip_temp_c": 71,
                    "uptime_s": 86400, "shares_accepted": 5120,
                }
            ],
        )
    ]
)  # fmt: skip
class BatchInput(InputSerializer):
    """Many readings; `batch_id` is the sender's own."""

    batch_id = serializers.RegexField(r"^[!-~]+$", max_length=LONGEST_NAME)
    readings = ReadingInput(many=True)


class DoubtSerializer(serializers.Serializer[Any]):
    """How many readings, or figures of one name, were not believed, and why."""

    reason = serializers.ChoiceField(choices=[(one.value, one.value) for one in Reason], read_only=True)
    figure = serializers.CharField(read_only=True, allow_null=True)
    count = serializers.IntegerField(read_only=True)


@extend_schema_serializer(
    examples=[
        examples.shown(
            batch_id="2026-11-29T10:00Z/7", received_at="2026-11-29T10:00:09.120000+00:00", readings=300, stored=298,
            duplicates=1, quarantined=1, clock_skewed=False, repeated=False,
            doubts=[{"reason": "unknown_machine", "figure": None, "count": 1}],
        )
    ]
)  # fmt: skip
class BatchTakenSerializer(serializers.Serializer[Any]):
    """What became of a batch; the same batch again gets the same answer, with `repeated` true."""

    batch_id = serializers.CharField(read_only=True)
    received_at = serializers.DateTimeField(read_only=True)
    readings = serializers.IntegerField(read_only=True)
    stored = serializers.IntegerField(read_only=True)
    duplicates = serializers.IntegerField(read_only=True)
    quarantined = serializers.IntegerField(read_only=True)
    clock_skewed = serializers.BooleanField(read_only=True)
    doubts = DoubtSerializer(many=True, read_only=True)
    repeated = serializers.BooleanField(read_only=True)
