"""What the API shows of places, prices and machines. ``staff_fields`` are not there for clients (docs/api-fields.md).

A client may know where own machines stand and what they cost, not how full a place is, what its energy costs us, nor
anything from which the number of other clients could be guessed.
"""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from hashinsight.common.api.fields import ClockField, OutputSerializer, TrimmedDecimalField, link, public_id
from hosting.api import examples
from hosting.enums import MinerStatus
from hosting.models import (
    HostingTerms,
    Miner,
    MinerModel,
    PriceComponent,
    PricePlan,
    PricePlanVersion,
    PriceWindow,
    Rack,
    Site,
    Zone,
)


@extend_schema_serializer(examples=[examples.SITE])
class SiteSerializer(OutputSerializer):
    """A place with a grid connection where machines are hosted."""

    id = public_id()
    legal_entity = link("legal_entity")
    energy_series = link("energy_series")
    capacity_kw = TrimmedDecimalField()
    energy_cost_per_kwh = TrimmedDecimalField(allow_null=True)
    pue = TrimmedDecimalField()

    class Meta:
        model = Site
        fields = (
            "id", "name", "location", "country", "time_zone", "status", "created_at", "updated_at", "legal_entity",
            "capacity_kw", "currency", "energy_cost_per_kwh", "pue", "collection_interval_s",
            "energy_series", "internal_note",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = (
            "legal_entity", "capacity_kw", "currency", "energy_cost_per_kwh", "pue", "collection_interval_s",
            "energy_series", "internal_note",
        )  # fmt: skip


@extend_schema_serializer(examples=[examples.ZONE])
class ZoneSerializer(OutputSerializer):
    """A part of a site behind one meter and one breaker."""

    id = public_id()
    site = public_id("site.public_id")
    capacity_kw = TrimmedDecimalField()
    max_utilisation_percent = TrimmedDecimalField()

    class Meta:
        model = Zone
        fields = (
            "id", "site", "name", "status", "phases", "created_at", "updated_at", "capacity_kw",
            "max_utilisation_percent",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = ("capacity_kw", "max_utilisation_percent")


@extend_schema_serializer(examples=[examples.RACK])
class RackSerializer(OutputSerializer):
    """A shelf in a zone with numbered slots. For staff only."""

    id = public_id()
    zone = public_id("zone.public_id")

    class Meta:
        model = Rack
        fields = ("id", "zone", "building", "row", "name", "slots", "columns", "created_at", "updated_at")
        read_only_fields = fields


class PriceWindowSerializer(OutputSerializer):
    """Hours in which a component applies, by the clock of the site."""

    time_from = ClockField(read_only=True)
    time_to = ClockField(read_only=True)

    class Meta:
        model = PriceWindow
        fields = ("month_from", "month_to", "days", "time_from", "time_to")
        read_only_fields = fields


class PriceComponentSerializer(OutputSerializer):
    """One thing a version charges; all that apply are added up. Without windows: at all hours."""

    id = public_id()
    price = TrimmedDecimalField()
    ratchet_percent = TrimmedDecimalField(allow_null=True)
    market_factor = TrimmedDecimalField(allow_null=True)
    windows = PriceWindowSerializer(many=True, read_only=True)

    class Meta:
        model = PriceComponent
        fields = (
            "id", "position", "kind", "description", "price", "other_hours", "ratchet_percent", "ratchet_months",
            "market_series", "market_factor", "windows",
        )  # fmt: skip
        read_only_fields = fields


class PriceVersionSerializer(OutputSerializer):
    """What a plan charges from one day of the site's calendar to another (exclusive)."""

    id = public_id()
    what_changed = serializers.CharField(source="note", read_only=True)
    components = PriceComponentSerializer(many=True, read_only=True)

    class Meta:
        model = PricePlanVersion
        fields = ("id", "number", "valid_from", "valid_to", "published_at", "what_changed", "components")
        read_only_fields = fields


@extend_schema_serializer(examples=[examples.PLAN_SUMMARY])
class PricePlanSummarySerializer(OutputSerializer):
    """A tariff in a list."""

    id = public_id()
    zone = link("zone")

    class Meta:
        model = PricePlan
        fields: tuple[str, ...] = (
            "id", "name", "zone", "currency", "is_active", "description", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = fields


@extend_schema_serializer(examples=[examples.PLAN])
class PricePlanSerializer(PricePlanSummarySerializer):
    """A tariff with its versions, newest first; clients see published ones."""

    versions = PriceVersionSerializer(many=True, read_only=True)

    class Meta(PricePlanSummarySerializer.Meta):
        fields = (*PricePlanSummarySerializer.Meta.fields, "versions")
        read_only_fields = fields


@extend_schema_serializer(examples=[examples.TERMS])
class HostingTermsSerializer(OutputSerializer):
    """The dated hosting side of a contract, at a site or in one zone of it. Days are the site's, ends exclusive."""

    id = public_id()
    contract = public_id("contract.public_id")
    customer = public_id("contract.customer.public_id")
    site = public_id("site.public_id")
    zone = link("zone")
    price_plan = public_id("price_plan.public_id")
    amends = link("amends")
    contracted_kw = TrimmedDecimalField()
    cap_kw = TrimmedDecimalField(allow_null=True)
    curtailment_share_percent = TrimmedDecimalField()
    amendment = serializers.CharField(source="reason", read_only=True)

    class Meta:
        model = HostingTerms
        fields = (
            "id", "contract", "customer", "site", "zone", "price_plan", "amends", "kind", "basis", "contracted_kw",
            "cap_kw", "valid_from", "valid_to", "curtailment", "curtailment_notice_minutes",
            "curtailment_share_percent", "on_stale", "on_stale_max_minutes", "agreed_at", "amendment", "created_at",
            "updated_at",
        )  # fmt: skip
        read_only_fields = fields


@extend_schema_serializer(examples=[examples.MODEL])
class MinerModelSerializer(OutputSerializer):
    """A model of a machine as its maker sells it."""

    id = public_id()
    hashrate_ths = TrimmedDecimalField()
    power_w = TrimmedDecimalField()
    efficiency_j_th = TrimmedDecimalField()
    list_price_usd = TrimmedDecimalField(allow_null=True)

    class Meta:
        model = MinerModel
        fields = (
            "id", "name", "manufacturer", "hashrate_ths", "power_w", "efficiency_j_th", "cooling", "chip",
            "inlet_min_c", "inlet_max_c", "released_on", "source", "is_active", "created_at", "updated_at",
            "list_price_usd", "note",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = ("list_price_usd", "note")


def _name(source: str) -> serializers.CharField:
    return serializers.CharField(source=source, read_only=True, allow_null=True, default=None)


@extend_schema_serializer(examples=[examples.MINER])
class MinerSerializer(OutputSerializer):
    """A machine: what we want it to do (`intent`), how it is (`health`), and `status`, the one word made of both."""

    id = public_id()
    model = link("model")
    model_name: Any = serializers.SerializerMethodField()
    customer = link("customer")
    site = link("site")
    site_name = _name("site.name")
    zone = link("zone")
    zone_name = _name("zone.name")
    rack = link("rack")
    rack_name: Any = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=MinerStatus.choices, read_only=True)

    class Meta:
        model = Miner
        fields = (
            "id", "serial", "manufacturer", "model", "model_name", "customer", "site", "site_name", "zone",
            "zone_name", "rack", "rack_name", "slot", "status", "intent", "intent_since", "health", "health_since",
            "last_seen_at", "curtailment", "nameplate_w", "power_limit_w", "mac", "purchased_on", "warranty_until",
            "deployed_at", "retired_at", "created_at", "updated_at", "address", "port", "is_collected",
            "internal_note",
        )  # fmt: skip
        read_only_fields = fields
        staff_fields = ("address", "port", "is_collected", "internal_note")

    def get_model_name(self, miner: Miner) -> str:
        """By the catalogue; as it was written while the catalogue does not know it."""
        return miner.model.name if miner.model is not None else miner.model_text

    def get_rack_name(self, miner: Miner) -> str | None:
        """With building and row."""
        return str(miner.rack) if miner.rack is not None else None


@extend_schema_serializer(examples=[examples.CHANGED])
class MinersChangedSerializer(serializers.Serializer[Any]):
    """The machines that were changed, all of those named, in one step."""

    miners = serializers.ListField(child=serializers.UUIDField(), read_only=True)
    request_id = serializers.CharField(read_only=True)
