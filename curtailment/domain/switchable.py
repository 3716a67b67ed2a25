"""Which machines we can switch or bring down, and who does it: we ourselves, or an edge device with a lease."""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from curtailment.engine.selection import Why
from hosting.clients.adapter import Capability
from hosting.clients.own import capabilities_of, needs_login
from hosting.clients.pyasic_machines import PREFIX
from hosting.domain.edge_leases import TAKES_LEASES, lease_takers, limit_takers, taker_of
from hosting.domain.miner_secrets import miners_with_login, sealed_to
from hosting.enums import EdgeStatus, MinerIntent
from hosting.models import EdgeDevice, Miner, Site


@dataclass(frozen=True)
class EdgeNow:
    """Zones that edge devices answer for, devices that take leases, those of them that pass limits of power on, and
    machines with a login that can be used.
    """

    zones: Collection[int | None]
    takers: Sequence[EdgeDevice]
    limiting: Container[int]
    with_login: Container[int]
    sealed_to: Mapping[int, int]

    @classmethod
    def of(cls, site: Site, rows: Any, at: datetime) -> "EdgeNow":
        """As they are now."""
        ids = rows.order_by().values("pk")
        zones = EdgeDevice.objects.filter(site=site, status=EdgeStatus.ACTIVE).values_list("zone_id", flat=True)
        takers = lease_takers(site, asked_since=at - TAKES_LEASES)
        logins = miners_with_login(ids)
        return cls(set(zones), takers, limit_takers(takers), logins, sealed_to(ids) if takers else {})

    def why_not(self, zone_id: int | None) -> tuple[Why | None, EdgeDevice | None]:
        """Whether an edge device is in the way; else the one that switches, if it is not we ourselves."""
        if None not in self.zones and zone_id not in self.zones:
            return None, None
        taker = taker_of(zone_id, self.takers)
        return (Why.EDGE if taker is None else None), taker

    def has_login(self, pk: int, taker: EdgeDevice | None) -> bool:
        """One that we can open, or that is sealed to the device which switches."""
        return pk in self.with_login or (taker is not None and self.sealed_to.get(pk) == taker.pk)


def unable(row: Mapping[str, Any], draw_w: int, edge: EdgeNow) -> Why | None:
    """Why a machine cannot be switched by us; None when it can."""
    dialect = row["contact__dialect"] or ""
    if draw_w <= 0:
        return Why.NO_DRAW
    if row["address"] is None:
        return Why.NO_ADDRESS
    why, taker = edge.why_not(row["zone_id"])
    if why is not None:
        return why
    if not _switchable(dialect):
        return Why.NO_CONTROL
    return Why.NO_LOGIN if needs_login(dialect) and not edge.has_login(row["pk"], taker) else None


def who_takes_limits(site: Site, *, at: datetime) -> frozenset[int]:
    """Machines of a site whose power we can bring down: they speak a language in which that is said, or their device
    has said to which limit they keep.
    """
    rows = Miner.objects.filter(site=site).exclude(intent=MinerIntent.RETIRED)
    edge = EdgeNow.of(site, rows, at)
    found = rows.values("pk", "zone_id", "contact__dialect", "latest__power_target_w")
    return frozenset(row["pk"] for row in found if unthrottled(row, 1, 0, edge) is None)


def unthrottled(row: Mapping[str, Any], draw_w: int, limit_w: int, edge: EdgeNow) -> Why | None:
    """Why a machine cannot be brought down to a limit; one that was never read says nothing of limits."""
    why, taker = edge.why_not(row["zone_id"])
    if why is not None or (taker is not None and taker.pk not in edge.limiting):
        return why or Why.EDGE_LIMIT
    if taker is None:
        takes_one = Capability.SET_POWER_TARGET in capabilities_of(row["contact__dialect"] or "")
    else:
        takes_one = row["latest__power_target_w"] is not None
    if not takes_one:
        return Why.NO_LIMIT
    return Why.LOW if limit_w >= draw_w else None


def _switchable(dialect: str) -> bool:
    """A machine that was never read may yet turn out to be one; the library's are tried."""
    return not dialect or dialect.startswith(PREFIX) or Capability.PAUSE in capabilities_of(dialect)
