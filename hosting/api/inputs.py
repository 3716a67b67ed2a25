"""What the API takes: one serializer per call, unknown names refused, ids limited to what the caller can see."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from crm.models import Contract, Customer, LegalEntity
from crm.models.fields import validate_one_line, validate_printable, validate_time_zone
from hashinsight.common.api.fields import ClockField, InputSerializer, VisibleIdField, words
from hashinsight.common.money import CURRENCY_CHOICES, country_validator
from hosting.api import examples
from hosting.domain.finding import mac_of
from hosting.enums import (
    TERMS_CURTAILMENT,
    BillingBasis,
    ComponentKind,
    CurtailmentPart,
    HostingKind,
    MinerIntent,
    StalePolicy,
    WindowDays,
)
from hosting.models import Miner, MinerModel, PricePlan, Rack, Site, Zone
from marketdata.models import PriceSeries

MOST_MINERS = 5_000
MOST_COMPONENTS = 50
MOST_WINDOWS = 50
INTENTS = [choice for choice in MinerIntent.choices if choice[0] != MinerIntent.RETIRED]


def line(most: int = 200, *, needed: bool = False) -> serializers.CharField:
    """One line of text."""
    return words(most, validate_one_line, needed=needed)


def text(most: int) -> serializers.CharField:
    """Text of several lines."""
    return words(most, validate_printable)


def reason() -> serializers.CharField:
    """Why, for the history."""
    return line(needed=True)


def kilowatts(**more: Any) -> serializers.DecimalField:
    """Power in kW, one watt apart."""
    return serializers.DecimalField(max_digits=14, decimal_places=3, min_value=0, **more)


def percent(**more: Any) -> serializers.DecimalField:
    """0 to 100."""
    return serializers.DecimalField(max_digits=6, decimal_places=3, min_value=0, max_value=100, **more)


def whole(least: int, most: int, **more: Any) -> serializers.IntegerField:
    """A whole number."""
    return serializers.IntegerField(min_value=least, max_value=most, required=False, **more)


@extend_schema_serializer(examples=[examples.REASON])
class PlaceReasonInput(InputSerializer):
    """Why."""

    reason = reason()


class SiteFields(InputSerializer):
    """Columns of a site."""

    location = line(500)
    country = serializers.CharField(max_length=2, required=False, allow_blank=True, validators=[country_validator])
    legal_entity = VisibleIdField(LegalEntity, required=False, allow_null=True)
    currency = serializers.ChoiceField(choices=CURRENCY_CHOICES, required=False)
    energy_cost_per_kwh = serializers.DecimalField(max_digits=20, decimal_places=8, required=False, allow_null=True)
    pue = serializers.DecimalField(max_digits=5, decimal_places=3, min_value=1, max_value=5, required=False)
    collection_interval_s = whole(10, 3600)
    energy_series = VisibleIdField(PriceSeries, required=False, allow_null=True)
    internal_note = text(10_000)


@extend_schema_serializer(examples=[examples.SITE_INPUT])
class SiteInput(SiteFields):
    """A new site."""

    name = line(needed=True)
    time_zone = serializers.CharField(max_length=64, validators=[validate_time_zone])
    capacity_kw = kilowatts()


@extend_schema_serializer(examples=[examples.PLACE_CHANGE])
class SiteChange(SiteInput):
    """Columns to change; archiving is a call of its own."""


class ZoneFields(InputSerializer):
    """Columns of a zone."""

    max_utilisation_percent = percent(required=False)
    phases = whole(1, 3)


@extend_schema_serializer(examples=[examples.ZONE_CHANGE])
class ZoneChange(ZoneFields):
    """Columns to change; a zone stays at its site."""

    name = line(needed=True)
    capacity_kw = kilowatts()


@extend_schema_serializer(examples=[examples.ZONE_INPUT])
class ZoneInput(ZoneChange):
    """A new zone."""

    site = VisibleIdField(Site)


@extend_schema_serializer(examples=[examples.RACK_CHANGE])
class RackChange(InputSerializer):
    """Columns to change; a rack stays in its zone."""

    building = line(60)
    row = line(60)
    name = line(60, needed=True)
    slots = whole(1, 1000)
    columns = whole(1, 100)


@extend_schema_serializer(examples=[examples.RACK_INPUT])
class RackInput(RackChange):
    """A new rack."""

    zone = VisibleIdField(Zone)


@extend_schema_serializer(examples=[examples.PLAN_CHANGE])
class PricePlanChange(InputSerializer):
    """Columns to change; currency and zone are settled with the first version."""

    name = line(needed=True)
    currency = serializers.ChoiceField(choices=CURRENCY_CHOICES, required=False)
    zone = VisibleIdField(Zone, required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False)
    description = text(10_000)


@extend_schema_serializer(examples=[examples.PLAN_INPUT])
class PricePlanInput(PricePlanChange):
    """A new plan, still without a version."""


class WindowInput(InputSerializer):
    """Hours by the clock of the site: months inclusive, `time_to` exclusive, 00:00 is midnight."""

    month_from = whole(1, 12)
    month_to = whole(1, 12)
    days = serializers.ChoiceField(choices=WindowDays.choices, required=False)
    time_from = ClockField(required=False)
    time_to = ClockField(required=False)


class ComponentInput(InputSerializer):
    """One thing the version charges."""

    kind = serializers.ChoiceField(choices=ComponentKind.choices)
    description = line(needed=True)
    price = serializers.DecimalField(max_digits=20, decimal_places=8, required=False)
    other_hours = serializers.BooleanField(required=False)
    ratchet_percent = percent(required=False, allow_null=True)
    ratchet_months = whole(1, 36, allow_null=True)
    market_series = line(100)
    market_factor = serializers.DecimalField(
        max_digits=8, decimal_places=5, min_value=0, required=False, allow_null=True
    )
    windows = serializers.ListField(child=WindowInput(), required=False, max_length=MOST_WINDOWS)


@extend_schema_serializer(examples=[examples.VERSION_INPUT])
class VersionInput(InputSerializer):
    """The next version as a draft. Without components it begins with those of the latest one."""

    valid_from = serializers.DateField()
    what_changed = line(300)
    components = serializers.ListField(
        child=ComponentInput(), required=False, allow_empty=False, max_length=MOST_COMPONENTS
    )


@extend_schema_serializer(examples=[examples.PUBLISH])
class PublishInput(InputSerializer):
    """Which draft."""

    version = serializers.UUIDField()


class TermsFields(InputSerializer):
    """What terms say beside where and for whom."""

    basis = serializers.ChoiceField(choices=BillingBasis.choices, required=False)
    cap_kw = kilowatts(required=False, allow_null=True)
    curtailment = serializers.ChoiceField(choices=TERMS_CURTAILMENT, required=False)
    curtailment_notice_minutes = whole(0, 10_080)
    curtailment_share_percent = percent(required=False)
    on_stale = serializers.ChoiceField(choices=StalePolicy.choices, required=False)
    on_stale_max_minutes = whole(0, 10_080)


@extend_schema_serializer(examples=[examples.TERMS_CHANGE])
class TermsChange(TermsFields):
    """Columns of a draft to change."""

    site = VisibleIdField(Site)
    zone = VisibleIdField(Zone, required=False, allow_null=True)
    price_plan = VisibleIdField(PricePlan)
    kind = serializers.ChoiceField(choices=HostingKind.choices, required=False)
    contracted_kw = kilowatts()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(required=False, allow_null=True)


@extend_schema_serializer(examples=[examples.TERMS_INPUT])
class TermsInput(TermsChange):
    """New terms as a draft."""

    contract = VisibleIdField(Contract)


@extend_schema_serializer(examples=[examples.TERMS_AMENDMENT])
class AmendmentInput(TermsFields):
    """From which day on the terms say something else, and what; the rest stays."""

    on = serializers.DateField()
    reason = line(needed=True)
    price_plan = VisibleIdField(PricePlan, required=False)
    contracted_kw = kilowatts(required=False)


@extend_schema_serializer(examples=[examples.TERMS_END])
class TermsEndInput(InputSerializer):
    """The first day without the terms, and why."""

    on = serializers.DateField()
    reason = line(needed=True)


class MacField(serializers.CharField):
    """A MAC address in any of its forms; kept as 00:1A:2B:3C:4D:5E."""

    default_error_messages = {"mac": _("This is no MAC address.")}

    def to_internal_value(self, data: Any) -> str:
        """The form it is kept in."""
        sent = super().to_internal_value(data)
        known = mac_of(sent) if sent else ""
        if known is None:
            self.fail("mac")
        return known


@extend_schema_serializer(examples=[examples.MINER_CHANGE])
class MinerChange(InputSerializer):
    """Data of the machine itself. Place, owner and intent have calls of their own."""

    serial = serializers.RegexField(r"^[!-~]+$", max_length=100)
    manufacturer = line(50)
    model = VisibleIdField(MinerModel, required=False, allow_null=True)
    model_text = line(100)
    address = serializers.IPAddressField(required=False, allow_null=True)
    port = whole(1, 65_535)
    is_collected = serializers.BooleanField(required=False)
    mac = MacField(max_length=17, required=False, allow_blank=True)
    curtailment = serializers.ChoiceField(choices=CurtailmentPart.choices, required=False)
    power_limit_w = whole(0, 1_000_000, allow_null=True)
    purchased_on = serializers.DateField(required=False, allow_null=True)
    warranty_until = serializers.DateField(required=False, allow_null=True)
    internal_note = text(10_000)


@extend_schema_serializer(examples=[examples.MINER_INPUT])
class MinerInput(MinerChange):
    """A new machine, still without place and owner. The maker follows from the model; without one it is needed."""


class MinersField(serializers.ListField):
    """Ids of machines the caller can see, each once; one that is unknown makes the whole list wrong."""

    default_error_messages = {"not_found": _("There is no such machine: %(ids)s."), "twice": _("An id stands twice.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=serializers.UUIDField(), allow_empty=False, max_length=MOST_MINERS, **kwargs)

    def to_internal_value(self, data: Any) -> list[Miner]:
        """The machines, in the order of the list."""
        wanted: list[UUID] = super().to_internal_value(data)
        if len(set(wanted)) != len(wanted):
            raise serializers.ValidationError(self.error_messages["twice"], code="twice")
        rows = Miner.objects.visible_to(self.context["request"].user).filter(public_id__in=wanted)
        known = {miner.public_id: miner for miner in rows}
        missing = [str(one) for one in wanted if one not in known]
        if missing:
            named = ", ".join(missing[:5])
            raise serializers.ValidationError(self.error_messages["not_found"] % {"ids": named}, code="not_found")
        return [known[one] for one in wanted]


class MinersInput(InputSerializer):
    """Machines, all of them or none."""

    miners = MinersField()


@extend_schema_serializer(examples=[examples.PLACE_MINERS])
class PlaceMinersInput(MinersInput):
    """Where to. With ``first_slot`` the machines stand in that slot and those after it, in the order of the list."""

    site = VisibleIdField(Site)
    zone = VisibleIdField(Zone, required=False, allow_null=True)
    rack = VisibleIdField(Rack, required=False, allow_null=True)
    first_slot = whole(1, 1000, allow_null=True)
    reason = line()


@extend_schema_serializer(examples=[examples.ASSIGN_MINERS])
class AssignMinersInput(MinersInput):
    """Whose they are (null: our own) since a quarter-hour; without it, the one that has just begun."""

    customer = VisibleIdField(Customer, allow_null=True)
    since = serializers.DateTimeField(required=False)
    reason = line()


@extend_schema_serializer(examples=[examples.INTENT])
class IntentInput(MinersInput):
    """What they should do."""

    to = serializers.ChoiceField(choices=INTENTS)
    reason = reason()


@extend_schema_serializer(examples=[examples.MINERS_REASON])
class MinersReasonInput(MinersInput):
    """Why."""

    reason = reason()
