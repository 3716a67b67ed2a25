"""Examples of the API's documentation; a test holds them against the schema."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

CUSTOMER_ID = "0199f3a1-7c1e-7b52-9d3e-2f6a41c07d11"
CONTRACT_ID = "0199f3b6-2d10-7c41-9e02-5b7a8c9d0e11"
SITE_ID = "0199f3c0-1a10-7d20-8b30-4c5d6e7f8a01"
ZONE_ID = "0199f3c0-2b20-7e31-9c41-5d6e7f8a9b02"
RACK_ID = "0199f3c0-3c30-7f42-ad52-6e7f8a9b0c03"
PLAN_ID = "0199f3c0-4d40-7053-be63-7f8a9b0c1d04"
VERSION_ID = "0199f3c0-5e50-7164-8f74-8a9b0c1d2e05"
COMPONENT_ID = "0199f3c0-6f60-7275-9085-9b0c1d2e3f06"
TERMS_ID = "0199f3c0-7070-7386-a196-ac1d2e3f4007"
MODEL_ID = "0199f3c0-8180-7497-b2a7-bd2e3f405108"
MINER_ID = "0199f3c0-9290-75a8-83b8-ce3f40516209"
OTHER_MINER_ID = "0199f3c0-a3a0-76b9-94c9-df405162730a"
CREATED = "2026-11-02T09:15:00.000000Z"
STAMPS = {"created_at": CREATED, "updated_at": CREATED}


def shown(**body: Any) -> OpenApiExample:
    """Of an answer."""
    return OpenApiExample("answer", value=body, response_only=True)


def sent(**body: Any) -> OpenApiExample:
    """Of a body."""
    return OpenApiExample("request", value=body, request_only=True)


SITE = shown(
    id=SITE_ID, name="Odessa", location="Odessa, Texas", country="US", time_zone="America/Chicago", status="active",
    **STAMPS,
)  # fmt: skip
ZONE = shown(id=ZONE_ID, site=SITE_ID, name="Hall 1", status="active", phases=3, **STAMPS)
RACK = shown(
    id=RACK_ID, zone=ZONE_ID, building="A", row="3", name="R12", slots=24, columns=4, **STAMPS
)  # fmt: skip
COMPONENT: dict[str, Any] = {
    "id": COMPONENT_ID,
    "position": 1,
    "kind": "energy",
    "description": "Energy, summer evenings",
    "price": "0.082",
    "other_hours": False,
    "ratchet_percent": None,
    "ratchet_months": None,
    "market_series": "",
    "market_factor": None,
    "windows": [{"month_from": 6, "month_to": 9, "days": "workdays", "time_from": "14:00:00", "time_to": "20:00:00"}],
}
_PLAN: dict[str, Any] = {
    "id": PLAN_ID,
    "name": "Standard 2026",
    "zone": None,
    "currency": "USD",
    "is_active": True,
    "description": "",
    **STAMPS,
}
PLAN_SUMMARY = shown(**_PLAN)
PLAN = shown(
    **_PLAN,
    versions=[
        {
            "id": VERSION_ID,
            "number": 1,
            "valid_from": "2026-01-01",
            "valid_to": None,
            "published_at": CREATED,
            "what_changed": "",
            "components": [COMPONENT],
        }
    ],
)
TERMS = shown(
    id=TERMS_ID, contract=CONTRACT_ID, customer=CUSTOMER_ID, site=SITE_ID, zone=ZONE_ID, price_plan=PLAN_ID,
    amends=None, kind="hosted", basis="metered", contracted_kw="2000", cap_kw="2200", valid_from="2026-11-01",
    valid_to=None, curtailment="curtail", curtailment_notice_minutes=30, curtailment_share_percent="50",
    on_stale="hold", on_stale_max_minutes=60, agreed_at=CREATED, amendment="", **STAMPS,
)  # fmt: skip
MODEL = shown(
    id=MODEL_ID, name="Antminer S21", manufacturer="Bitmain", hashrate_ths="200", power_w="3500",
    efficiency_j_th="17.5", cooling="air", chip="BM1368", inlet_min_c=0, inlet_max_c=45, released_on="2024-02-01",
    source="Maker's data sheet", is_active=True, **STAMPS,
)  # fmt: skip
MINER = shown(
    id=MINER_ID, serial="YNAHDAEBCJJAB0123", manufacturer="Bitmain", model=MODEL_ID, model_name="Antminer S21",
    customer=CUSTOMER_ID, site=SITE_ID, site_name="Odessa", zone=ZONE_ID, zone_name="Hall 1", rack=RACK_ID,
    rack_name="A 3 R12", slot=7, status="active", intent="active", intent_since=CREATED, health="ok",
    health_since=CREATED, last_seen_at=CREATED, curtailment="inherit", nameplate_w=3500, power_limit_w=None,
    mac="00:1A:2B:3C:4D:5E", purchased_on="2026-10-01", warranty_until="2027-10-01", deployed_at=CREATED,
    retired_at=None, **STAMPS,
)  # fmt: skip
CHANGED = shown(miners=[MINER_ID, OTHER_MINER_ID], request_id="0199f3b0-2c65-7e8f-8a9b-1c2d3e4f5abb")
_MINERS = [MINER_ID, OTHER_MINER_ID]
SITE_INPUT = sent(name="Odessa", time_zone="America/Chicago", capacity_kw="60000", currency="USD")
PLACE_CHANGE = sent(capacity_kw="65000")
ZONE_INPUT = sent(site=SITE_ID, name="Hall 1", capacity_kw="2500", max_utilisation_percent="80")
ZONE_CHANGE = sent(max_utilisation_percent="85")
RACK_INPUT = sent(zone=ZONE_ID, building="A", row="3", name="R12", slots=24)
RACK_CHANGE = sent(slots=30)
REASON = sent(reason="The transformer is being replaced")
PLAN_INPUT = sent(name="Standard 2026", currency="USD")
PLAN_CHANGE = sent(is_active=False)
VERSION_INPUT = sent(
    valid_from="2027-01-01",
    what_changed="Evenings in summer",
    components=[
        {
            "kind": "energy",
            "description": "Energy, summer evenings",
            "price": "0.082",
            "windows": [{"month_from": 6, "month_to": 9, "days": "workdays", "time_from": "14:00", "time_to": "20:00"}],
        },
        {"kind": "energy", "description": "Energy, all other hours", "price": "0.051", "other_hours": True},
    ],
)
PUBLISH = sent(version=VERSION_ID)
TERMS_INPUT = sent(
    contract=CONTRACT_ID, site=SITE_ID, zone=ZONE_ID, price_plan=PLAN_ID, contracted_kw="2000", valid_from="2026-11-01"
)
TERMS_CHANGE = sent(contracted_kw="2100")
TERMS_AMENDMENT = sent(on="2027-02-01", contracted_kw="2400", reason="Four more containers")
TERMS_END = sent(on="2027-02-01", reason="Ended by agreement")
MINER_INPUT = sent(serial="YNAHDAEBCJJAB0123", model=MODEL_ID, address="10.1.4.17", purchased_on="2026-10-01")
MINER_CHANGE = sent(power_limit_w=3200)
PLACE_MINERS = sent(miners=_MINERS, site=SITE_ID, zone=ZONE_ID, rack=RACK_ID, first_slot=7)
ASSIGN_MINERS = sent(miners=_MINERS, customer=CUSTOMER_ID, since="2026-11-02T09:15:00Z")
INTENT = sent(miners=_MINERS, to="maintenance", reason="Fans")
MINERS_REASON = sent(miners=_MINERS, reason="Sold")
