"""What the database knows that rows of a file speak of, read in few statements however long the file is."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower, Upper

from crm.models import Customer
from hosting.engine.miner_files import MinerRow
from hosting.models import Miner, MinerModel, Rack, Site, Zone

PORTION = 2_000


@dataclass
class Known:
    """Rows by the names people use, in lower case."""

    sites: dict[str, Site] = field(default_factory=dict)
    zones: dict[tuple[int, str], Zone] = field(default_factory=dict)
    racks: dict[tuple[int, str], list[Rack]] = field(default_factory=dict)
    customers: dict[str, list[Customer]] = field(default_factory=dict)
    models: dict[str, MinerModel] = field(default_factory=dict)
    miners: dict[tuple[str, str], Miner] = field(default_factory=dict)
    slots: dict[tuple[int, int], str] = field(default_factory=dict)
    addresses: dict[tuple[int, str, int], str] = field(default_factory=dict)


def read_known(rows: Sequence[MinerRow]) -> Known:
    """All that the rows may mean."""
    known = Known()
    known.sites = {site.name.lower(): site for site in Site.objects.all()}
    named = {row.site.lower() for row in rows}
    site_ids = [site.pk for name, site in known.sites.items() if name in named]
    for zone in Zone.objects.filter(site__in=site_ids).select_related("site"):
        known.zones[zone.site_id, zone.name.lower()] = zone
    for rack in Rack.objects.filter(zone__site__in=site_ids):
        for name in {rack.name.lower(), str(rack).lower()}:
            known.racks.setdefault((rack.zone_id, name), []).append(rack)
    _read_customers(known, {row.customer.lower() for row in rows if row.customer})
    for model in MinerModel.objects.all():
        known.models[model.name.lower()] = model
        known.models.setdefault(f"{model.manufacturer} {model.name}".lower(), model)
    _read_miners(known, {row.serial.upper() for row in rows})
    _read_places(known, site_ids)
    return known


def portions(values: Collection[Any]) -> Iterator[list[Any]]:
    """Lists short enough for one statement."""
    ordered = sorted(values)
    for start in range(0, len(ordered), PORTION):
        yield ordered[start : start + PORTION]


def _read_customers(known: Known, names: Collection[str]) -> None:
    for some in portions(names):
        found = Customer.objects.annotate(code_lower=Lower("code"), name_lower=Lower("company_name"))
        for customer in found.filter(Q(code_lower__in=some) | Q(name_lower__in=some)):
            for name in {customer.code.lower(), customer.company_name.lower()}:
                known.customers.setdefault(name, []).append(customer)


def _read_miners(known: Known, serials: Collection[str]) -> None:
    for some in portions(serials):
        found: Iterable[Any] = Miner.objects.annotate(serial_upper=Upper("serial")).filter(serial_upper__in=some)
        for miner in found:
            known.miners[miner.manufacturer.upper(), miner.serial.upper()] = miner


def _read_places(known: Known, site_ids: Sequence[int]) -> None:
    here = Miner.objects.filter(site__in=site_ids)
    taken = here.filter(slot__isnull=False).values_list("rack_id", "slot", "manufacturer", "serial")
    known.slots = {(rack, slot): f"{maker} {serial}" for rack, slot, maker, serial in taken.iterator()}
    used = here.filter(address__isnull=False).exclude(intent="retired")
    known.addresses = {
        (site, address, port): f"{maker} {serial}"
        for site, address, port, maker, serial in used.values_list(
            "site_id", "address", "port", "manufacturer", "serial"
        ).iterator()
    }
