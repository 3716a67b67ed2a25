"""What the API shows of meters and their readings, and how edge devices send them."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import InputSerializer, OutputSerializer, TrimmedDecimalField, link, public_id
from hashinsight.common.api.filters import ApiFilterSet, choice, moment, row
from hosting.api import examples
from hosting.api.edge import DoubtSerializer
from hosting.engine.ingest.wire import LONGEST_NAME
from hosting.meter_enums import MeterFeed, MeterScope, MeterSource
from hosting.models import Meter, MeterReading

METER_ID = "0199f3c0-b4b0-7a51-8f0e-0c5d2f3b9a11"
READING: dict[str, Any] = {
    "recorded_at": "2026-11-29T10:00:00Z", "power_kw": "6118.4", "register_kwh": "48211877.2", "ratio": "400",
    "source": "edge", "received_at": "2026-11-29T10:00:04Z",
}  # fmt: skip
MOST_PUSHED = 5_000
_SOURCES = {source.value: source.name.lower() for source in MeterSource}
_MODBUS = (
    "address", "port", "unit", "function", "word_order", "power_register", "power_type", "power_scale",
    "energy_register", "energy_type", "energy_scale",
)  # fmt: skip


# --- for staff ------------------------------------------------------------------------------------------------------
@extend_schema_serializer(
    examples=[
        examples.shown(
            id=METER_ID, site=examples.SITE_ID, zone=None, name="Grid connection", serial="LZQJ-7731",
            measures="site", feed="edge", ratio="400", most_kw="15000", interval_s=60, valid_from="2026-01-01",
            valid_to=None, **examples.STAMPS,
        )
    ]
)  # fmt: skip
class MeterSerializer(OutputSerializer):
    """A meter of a site. Readings are multiplied by ``ratio`` when they come in. For staff only."""

    id = public_id()
    site = link("site")
    zone = link("zone")
    ratio = TrimmedDecimalField()
    most_kw = TrimmedDecimalField(allow_null=True)

    class Meta:
        model = Meter
        fields = (
            "id", "site", "zone", "name", "serial", "measures", "feed", "ratio", "most_kw", "interval_s", "valid_from",
            "valid_to", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_serializer(examples=[examples.shown(id=examples.COMPONENT_ID, meter=METER_ID, **READING)])
class MeterReadingSerializer(OutputSerializer):
    """What a meter showed at a moment, multiplied by its ratio. Null is what it did not say. For staff only."""

    id = public_id()
    meter = public_id("meter.public_id")
    power_kw = TrimmedDecimalField(allow_null=True)
    register_kwh = TrimmedDecimalField(allow_null=True)
    ratio = TrimmedDecimalField()
    source = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta:
        model = MeterReading
        fields = ("id", "meter", *READING)
        read_only_fields = fields

    def get_source(self, reading: MeterReading) -> str:
        """How it came."""
        return _SOURCES[reading.source]


class PushedReadingInput(InputSerializer):
    """What the meter shows at a moment, before its ratio; at least one of both."""

    recorded_at = serializers.DateTimeField()
    power_kw = serializers.DecimalField(max_digits=18, decimal_places=6, required=False, allow_null=True)
    register_kwh = serializers.DecimalField(max_digits=18, decimal_places=6, required=False, allow_null=True)


@extend_schema_serializer(
    examples=[
        examples.sent(
            readings=[{"recorded_at": "2026-11-29T10:00:00Z", "power_kw": "15.296", "register_kwh": "120529.693"}]
        )
    ]
)
class PushReadingsInput(InputSerializer):
    """Readings of one meter."""

    readings = PushedReadingInput(many=True, max_length=MOST_PUSHED)  # type: ignore[call-arg]


@extend_schema_serializer(
    examples=[
        examples.shown(
            readings=2, stored=1, duplicates=0, quarantined=1,
            doubts=[{"reason": "differs", "figure": None, "count": 1}],
        )
    ]
)  # fmt: skip
class ReadingsTakenSerializer(serializers.Serializer[Any]):
    """What became of pushed readings: those put aside are kept with their reason."""

    readings = serializers.IntegerField(read_only=True)
    stored = serializers.IntegerField(read_only=True)
    duplicates = serializers.IntegerField(read_only=True)
    quarantined = serializers.IntegerField(read_only=True)
    doubts = DoubtSerializer(many=True, read_only=True)


class MeterFilter(ApiFilterSet):
    """Of meters."""

    site = row("site")
    zone = row("zone")
    measures = choice(MeterScope.choices)
    feed = choice(MeterFeed.choices)


class MeterReadingFilter(ApiFilterSet):
    """Of readings."""

    meter = row("meter")
    site = row("meter__site")
    recorded_from = moment("recorded_at", "gte")
    recorded_before = moment("recorded_at", "lt")


# --- for edge devices -----------------------------------------------------------------------------------------------
class ModbusSerializer(serializers.Serializer[Any]):
    """Where and how a meter is read over Modbus TCP. Registers count from 0; scales make kW and kWh of a figure."""

    address = serializers.CharField(read_only=True)
    port = serializers.IntegerField(read_only=True)
    unit = serializers.IntegerField(read_only=True)
    function = serializers.IntegerField(read_only=True)
    word_order = serializers.CharField(read_only=True)
    power_register = serializers.IntegerField(read_only=True, allow_null=True)
    power_type = serializers.CharField(read_only=True)
    power_scale = serializers.CharField(read_only=True)
    energy_register = serializers.IntegerField(read_only=True, allow_null=True)
    energy_type = serializers.CharField(read_only=True)
    energy_scale = serializers.CharField(read_only=True)


class MeterToReadSerializer(serializers.Serializer[Any]):
    """A meter that the device reads; `modbus` is null for one that it reads in a way of its own."""

    id = public_id()
    name = serializers.CharField(read_only=True)
    interval_s = serializers.IntegerField(read_only=True)
    modbus = ModbusSerializer(read_only=True, allow_null=True)


MODBUS: dict[str, Any] = {
    "address": "10.1.9.3", "port": 502, "unit": 1, "function": 4, "word_order": "high_first", "power_register": 52,
    "power_type": "float32", "power_scale": "0.001", "energy_register": 72, "energy_type": "float32",
    "energy_scale": "1",
}  # fmt: skip


@extend_schema_serializer(
    examples=[
        examples.shown(meters=[{"id": METER_ID, "name": "Grid connection", "interval_s": 60, "modbus": MODBUS}]),
    ]
)
class MetersToReadSerializer(serializers.Serializer[Any]):
    """The meters that are assigned to the device and in use."""

    meters = MeterToReadSerializer(many=True, read_only=True)


class MeterReadingInput(InputSerializer):
    """What a meter shows at a moment, before its ratio. What is not known is left out or null, never zero."""

    meter = serializers.UUIDField()
    recorded_at = serializers.DateTimeField()
    power_kw = serializers.FloatField(required=False, allow_null=True)
    register_kwh = serializers.FloatField(required=False, allow_null=True)


@extend_schema_serializer(
    examples=[
        examples.sent(
            batch_id="2026-11-29T10:00Z/m7",
            readings=[
                {
                    "meter": METER_ID, "recorded_at": "2026-11-29T10:00:00Z", "power_kw": 15.296,
                    "register_kwh": 120529.693,
                }
            ],
        )
    ]
)  # fmt: skip
class MeterBatchInput(InputSerializer):
    """Readings of meters; `batch_id` is the sender's own, of one kind with the ids of its other batches."""

    batch_id = serializers.RegexField(r"^[!-~]+$", max_length=LONGEST_NAME)
    readings = MeterReadingInput(many=True)


def to_read(meter: Meter) -> dict[str, Any]:
    """A meter as its device is told of it."""
    modbus = None
    if meter.modbus_address:
        named = {"address": "modbus_address", "port": "modbus_port", "unit": "modbus_unit"}
        named["function"] = "modbus_function"
        modbus = {name: getattr(meter, named.get(name, name)) for name in _MODBUS}
        modbus |= {name: f"{modbus[name]:f}" for name in ("power_scale", "energy_scale")}
    return {"id": str(meter.public_id), "name": meter.name, "interval_s": meter.interval_s, "modbus": modbus}
