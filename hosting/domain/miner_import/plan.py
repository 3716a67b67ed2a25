"""What an import would do: which machines it enters, where and for whom, and everything that stands in the way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Sum

from crm.enums import CustomerStatus
from crm.models import Customer
from hosting.domain import caps
from hosting.domain.entering import Entry, standings
from hosting.domain.fleet import Spot, nameplate_w, quarter_hour
from hosting.domain.miner_import.known import Known, read_known
from hosting.domain.miner_import.words import in_words, too_much
from hosting.domain.places import THOUSAND
from hosting.engine.miner_files import Finding, MinerRow
from hosting.enums import PlaceStatus
from hosting.models import Miner, MinerModel, Rack, Site, Zone

Problem = tuple[int | None, str]


@dataclass
class Plan:
    """Machines to enter, how many are there already, and problems by line (None: of a whole place)."""

    entries: list[Entry] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    zones: list[dict[str, Any]] = field(default_factory=list)
    customers: list[dict[str, Any]] = field(default_factory=list)


class _Refused(Exception):
    def __init__(self, code: str, column: str, **values: object) -> None:
        super().__init__(code)
        self.finding = Finding(code, column, {name: str(value) for name, value in values.items()})


def make_plan(rows: Sequence[MinerRow], *, at: datetime) -> Plan:
    """Look every row up. Reads the database, writes nothing."""
    plan = Plan()
    lookup = _Lookup(read_known(rows), at)
    for row in rows:
        try:
            entry = lookup.entry(row)
        except _Refused as refused:
            plan.problems.append((row.line, in_words(refused.finding)))
            continue
        if entry is None:
            plan.unchanged += 1
        else:
            plan.entries.append(entry)
    _reckon_places(plan)
    _reckon_caps(plan, at)
    _reckon_customers(plan)
    return plan


class _Lookup:
    """Rows one after the other, remembering what the ones before have taken."""

    def __init__(self, known: Known, at: datetime) -> None:
        self.known = known
        self.at = at
        self.serials: dict[tuple[str, str], int] = {}
        self.slots: dict[tuple[int, int], int] = {}
        self.addresses: dict[tuple[int, str, int], int] = {}

    def entry(self, row: MinerRow) -> Entry | None:
        """The machine to enter; None for one that is in the fleet just like this."""
        model = self._model(row)
        maker = model.manufacturer if model is not None else row.maker
        key = (maker.upper(), row.serial.upper())
        if key in self.serials:
            raise _Refused("serial_twice", "serial", line=self.serials[key])
        self.serials[key] = row.line
        site, zone, rack = self._place(row)
        customer = self._customer(row)
        miner = Miner(
            serial=row.serial, manufacturer=maker, model=model, model_text="" if model else row.model,
            address=row.address, port=row.port or 4028, mac=row.mac, power_limit_w=row.power_w,
            purchased_on=row.purchased_on, warranty_until=row.warranty_until, internal_note=row.note,
        )  # fmt: skip
        existing = self.known.miners.get(key)
        if existing is not None:
            self._same(existing, miner, row, (site, zone, rack, customer))
            return None
        since = self._since(row, customer, site)
        miner.nameplate_w = nameplate_w(miner)
        if site is not None and miner.nameplate_w is None:
            raise _Refused("power_unknown", "model", value=row.model or maker)
        self._take_slot(row, rack)
        self._take_address(row, site, miner)
        spot = Spot(site, zone, rack) if site is not None else None
        return Entry(miner, spot, row.slot, customer, since)

    def _model(self, row: MinerRow) -> MinerModel | None:
        model = self.known.models.get(row.model.lower()) or self.known.models.get(f"{row.maker} {row.model}".lower())
        if model is None:
            if not row.maker:
                raise _Refused("maker", "maker")
            if not row.model:
                raise _Refused("missing", "model")
            return None
        if row.maker and row.maker.lower() != model.manufacturer.lower():
            raise _Refused("maker_differs", "maker", value=row.maker, model=model, maker=model.manufacturer)
        return model

    def _place(self, row: MinerRow) -> tuple[Site | None, Zone | None, Rack | None]:
        if not row.site:
            if row.zone or row.rack:
                raise _Refused("site_missing", "site")
            if row.slot is not None:
                raise _Refused("rack_missing", "rack")
            return None, None, None
        site = self.known.sites.get(row.site.lower())
        if site is None:
            raise _Refused("site_unknown", "site", value=row.site)
        zone = self._zone(row, site)
        for place in (site, zone):
            if place is not None and place.status != PlaceStatus.ACTIVE:
                raise _Refused("archived", "zone" if place is zone else "site", value=place)
        return site, zone, self._rack(row, zone)

    def _zone(self, row: MinerRow, site: Site) -> Zone | None:
        if not row.zone:
            if row.rack:
                raise _Refused("zone_missing", "zone")
            return None
        zone = self.known.zones.get((site.pk, row.zone.lower()))
        if zone is None:
            raise _Refused("zone_unknown", "zone", value=row.zone, site=site)
        return zone

    def _rack(self, row: MinerRow, zone: Zone | None) -> Rack | None:
        if not row.rack or zone is None:
            if row.slot is not None:
                raise _Refused("rack_missing", "rack")
            return None
        found = self.known.racks.get((zone.pk, row.rack.lower()), [])
        if len(found) != 1:
            raise _Refused("rack_unclear" if found else "rack_unknown", "rack", value=row.rack, zone=zone)
        rack = found[0]
        if row.slot is not None and row.slot > rack.slots:
            raise _Refused("slot_none", "slot", value=row.slot, rack=rack, slots=rack.slots)
        return rack

    def _customer(self, row: MinerRow) -> Customer | None:
        if not row.customer:
            if row.owner_since is not None:
                raise _Refused("customer_missing", "customer")
            return None
        found = self.known.customers.get(row.customer.lower(), [])
        if len(found) != 1:
            raise _Refused("customer_unclear" if found else "customer_unknown", "customer", value=row.customer)
        if found[0].status != CustomerStatus.ACTIVE:
            raise _Refused("customer_inactive", "customer", value=found[0])
        return found[0]

    def _since(self, row: MinerRow, customer: Customer | None, site: Site | None) -> datetime | None:
        if customer is None:
            return None
        said = row.owner_since
        if said is None:
            return quarter_hour(self.at)
        if not isinstance(said, datetime):
            zone = ZoneInfo(site.time_zone if site is not None else customer.time_zone)
            said = _midnight(said, zone)
        if said > self.at:
            raise _Refused("since_future", "owner_since", value=said.isoformat())
        if said != quarter_hour(said):
            raise _Refused("since_grid", "owner_since", value=said.isoformat())
        return said

    def _take_slot(self, row: MinerRow, rack: Rack | None) -> None:
        if rack is None or row.slot is None:
            return
        key = (rack.pk, row.slot)
        if key in self.known.slots:
            raise _Refused("slot_taken", "slot", value=row.slot, who=self.known.slots[key])
        if key in self.slots:
            raise _Refused("slot_twice", "slot", line=self.slots[key])
        self.slots[key] = row.line

    def _take_address(self, row: MinerRow, site: Site | None, miner: Miner) -> None:
        if site is None or miner.address is None:
            return
        key = (site.pk, miner.address, miner.port)
        if key in self.known.addresses:
            raise _Refused("address_taken", "address", who=self.known.addresses[key])
        if key in self.addresses:
            raise _Refused("address_twice", "address", line=self.addresses[key])
        self.addresses[key] = row.line

    def _same(self, existing: Miner, wanted: Miner, row: MinerRow, where: Sequence[Any]) -> None:
        """A machine that is there already must be what the row says, as far as the row says anything."""
        site, zone, rack, customer = where
        said = {
            "model": (bool(row.model), (existing.model_id, existing.model_text), (wanted.model_id, wanted.model_text)),
            "site": (bool(row.site), existing.site_id, site and site.pk),
            "zone": (bool(row.zone), existing.zone_id, zone and zone.pk),
            "rack": (bool(row.rack), existing.rack_id, rack and rack.pk),
            "slot": (row.slot is not None, existing.slot, row.slot),
            "customer": (bool(row.customer), existing.customer_id, customer and customer.pk),
            "address": (row.address is not None, existing.address, row.address),
            "port": (row.port is not None, existing.port, row.port),
            "mac": (bool(row.mac), existing.mac, row.mac),
            "power_w": (row.power_w is not None, existing.power_limit_w, row.power_w),
            "purchased_on": (row.purchased_on is not None, existing.purchased_on, row.purchased_on),
            "warranty_until": (row.warranty_until is not None, existing.warranty_until, row.warranty_until),
            "note": (bool(row.note), existing.internal_note, row.note),
        }
        other = [name for name, (stated, has, wants) in said.items() if stated and has != wants]
        if other:
            raise _Refused("exists", "serial", value=existing, columns=", ".join(other))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone)


def _reckon_places(plan: Plan) -> None:
    """Power by zone and by site, and by how much it does not fit."""
    more: dict[Any, list[int]] = {}
    for entry in plan.entries:
        if entry.spot is not None:
            for place in (entry.spot.site, entry.spot.zone):
                if place is not None:
                    more.setdefault(place, []).append(entry.miner.nameplate_w or 0)
    for kind, column in ((Site, "site"), (Zone, "zone")):
        placed = _placed([place.pk for place in more if isinstance(place, kind)], column)
        for place in sorted((one for one in more if isinstance(one, kind)), key=str):
            _reckon(plan, place, more[place], Decimal(placed.get(place.pk) or 0) / THOUSAND)


def _placed(ids: Sequence[int], column: str) -> dict[int, int | None]:
    rows = Miner.objects.filter(**{f"{column}__in": ids}).order_by().values_list(column)
    return dict(rows.annotate(watts=Sum("nameplate_w")))


def _reckon(plan: Plan, place: Any, watts: Sequence[int], placed: Decimal) -> None:
    usable = place.usable_kw if isinstance(place, Zone) else place.capacity_kw
    kw = Decimal(sum(watts)) / THOUSAND
    over = placed + kw - usable
    words = {
        "usable": _plain(usable), "placed": _plain(placed), "more": _plain(kw), "over": _plain(max(over, Decimal(0)))
    }  # fmt: skip
    plan.zones.append({"place": str(place), "machines": len(watts), **words})
    if over > 0:
        plan.problems.append((None, too_much(place, **words)))


def _reckon_caps(plan: Plan, at: datetime) -> None:
    """By how much what comes does not fit under the terms of its owners."""
    for site, more in standings(plan.entries).items():
        found = (one for one in caps.overruns(site, at=at, more=more) if one.more_kw > 0)
        plan.problems += [(None, caps.in_words(one)) for one in found]


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _reckon_customers(plan: Plan) -> None:
    sums: dict[str, list[int]] = {}
    for entry in plan.entries:
        sums.setdefault(str(entry.customer or ""), []).append(entry.miner.nameplate_w or 0)
    plan.customers = [
        {"customer": name, "machines": len(watts), "kw": _plain(Decimal(sum(watts)) / THOUSAND)}
        for name, watts in sorted(sums.items())
    ]
