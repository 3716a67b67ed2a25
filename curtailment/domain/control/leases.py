"""Machines that an edge device switches for us: told by its lease, read through what it says, its results noted.

The control decides for them as for all others. Their orders are rows like any others and are *sent* by standing in the
lease, which is written in the same transaction; ``hosting.domain.edge_leases`` carries it. Within its lease a device
does what is ordered and nothing else; when the lease is over it brings machines to the safe state of their contracts
by itself, within the share of the site's ramp that is kept for it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.db import connection, transaction

from curtailment.domain.control import books
from curtailment.domain.control.answers import printable, tell
from curtailment.domain.control.books import EDGE, Machines
from curtailment.domain.safe_states import Safe, stale_terms
from curtailment.engine.leased import held_low
from curtailment.engine.shares import next_shares
from curtailment.engine.values import Mask, Rules, State
from curtailment.enums import OrderOutcome
from curtailment.models import KillSwitch, LeaseReport, MachineOrder, SiteControl
from hosting.clients.adapter import ReadResult, Target
from hosting.clients.aside import Heard
from hosting.domain import edge_leases
from hosting.domain.edge_leases import Told, milliseconds
from hosting.engine.leasing import document
from hosting.engine.machines.reading import MiningState, Reading
from hosting.enums import StalePolicy
from hosting.models import EdgeDevice, EdgeLease, Miner, Site

STEPS = 3  # a lease runs out after so many steps of a control that stands still
POLLS = 6  # in a step a device asks so often
LEAST_POLL_S = 1.0
FRESH_S = 120.0  # an older reading says nothing (TRUST I8)
DIRECT = 0  # no device: machines that we reach ourselves
_FACTS = ("pk", "public_id", "address", "port", "zone_id", "site_id")


@dataclass(frozen=True)
class Edge:
    """Which of the machines of a tick which device switches. ``hidden``: behind one too, and locked out.

    ``limiting``: devices that pass limits of power on.
    """

    devices: Mapping[int, EdgeDevice] = field(default_factory=dict)
    device_of: Mapping[int, int] = field(default_factory=dict)
    facts: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    hidden: Collection[int] = ()
    limiting: Collection[int] = ()

    def direct(self, ids: Sequence[int]) -> list[int]:
        """Machines that we ask ourselves."""
        return [pk for pk in ids if pk not in self.device_of and pk not in self.hidden]


def behind(site: Site, machines: Machines) -> Edge:
    """By zone; a machine without an address is reached by nobody."""
    takers = edge_leases.lease_takers(site)
    if not takers:
        return Edge()
    device_of, hidden = {}, set()
    facts = {row["pk"]: row for row in Miner.objects.filter(pk__in=machines.ids, site=site).values(*_FACTS)}
    for pk, row in facts.items():
        device = edge_leases.taker_of(row["zone_id"], takers)
        if device is None:
            continue
        if row["address"] is None or machines.locked[machines.place[pk]]:
            hidden.add(pk)
        else:
            device_of[pk] = device.pk
    return Edge({one.pk: one for one in takers}, device_of, facts, hidden, edge_leases.limit_takers(takers))


def heard_through(edge: Edge, *, at: datetime) -> tuple[dict[int, Heard], dict[int, int]]:
    """What devices said of their machines, with the moment of each reading by our clock; and which limits machines had
    before ours, in W. A device that does not pass limits on says none.
    """
    found: dict[int, Heard] = {}
    had: dict[int, int] = {}
    named = {str(edge.facts[pk]["public_id"]): pk for pk in edge.device_of}
    leases = EdgeLease.objects.filter(device__in=edge.devices, seen__isnull=False)
    for device_id, said in leases.values_list("device_id", "seen"):
        for row in _rows(said, limits=device_id in edge.limiting):
            pk, moment = named.get(row["machines"]), row["at"]
            if pk is None or edge.device_of[pk] != device_id or moment <= at.timestamp() - FRESH_S:
                continue
            reading = Reading(
                dialect=EDGE, known=True, state=MiningState(row["state"]) if row["state"] in _STATES else None,
                power_w=row["power_w"], chip_temp_max_c=row["chip_c"], inlet_temp_c=row["inlet_c"],
                power_target_w=row["limit_w"],
            )  # fmt: skip
            found[pk] = datetime.fromtimestamp(moment, UTC), ReadResult(Target("", key=str(pk)), reading=reading)
            if row["had_w"]:
                had[pk] = row["had_w"]
    return found, had


def _rows(seen: Any, *, limits: bool) -> Iterator[dict[str, Any]]:
    """Of the columns of a device; what was kept before there were limits has no such columns."""
    names = ("machines", "at", "state", "power_w", "chip_c", "inlet_c")
    none = [None] * len(seen["machines"])
    levels = [seen.get(name) or none if limits else none for name in ("limit_w", "had_w")]
    for cells in zip(*(seen[name] for name in names), *levels, strict=True):
        yield dict(zip((*names, "limit_w", "had_w"), cells, strict=True))


_STATES = frozenset(one.value for one in MiningState)


def within(
    rules: Rules, edge: Edge, site: Site, control: SiteControl, machines: Machines, before: State, *, at: datetime
) -> Rules:
    """The site's ramp, shared out among devices and ourselves (TRUST I4)."""
    if not edge.devices:
        return rules
    keys = [edge.device_of.get(pk, DIRECT) for pk in machines.ids]
    part_of = {int(group): key for group, key in zip(machines.group, keys, strict=True) if key != DIRECT}
    fresh = [one for one in before.spent if one.age_s + max(0.0, at.timestamp() - before.at) < rules.step_s]
    spent = sum(w for one in fresh for group, w in one.up.items() if group not in part_of)
    floors = {DIRECT: spent}
    for lease in edge_leases.leases_of(site).filter(handed_at__isnull=False).defer("seen", "roster"):
        over = lease.held_until is None or lease.held_until <= at - control.step
        if lease.device_id in keys or lease.switched or not over:  # silent or not: it may be switching
            written_w = int(lease.content["ramp"]["up_w"]) if lease.content else 0
            floors[lease.device_id] = max(lease.handed_up_w, written_w)
    draws = np.array(keys, np.int64)
    parts = {
        int(key): (int(machines.draw_w[draws == key].sum()), int(machines.draw_w[draws == key].max()))
        for key in np.unique(draws)
    }
    return replace(rules, part_of=part_of, part_up_w=next_shares(rules.up_w, parts, floors))


# --- the lease -------------------------------------------------------------------------------------------------------
def write(
    edge: Edge, site: Site, control: SiteControl, machines: Machines, before: State, after: State,
    orders: Sequence[MachineOrder], rules: Rules, *, is_frozen: Callable[[Site], bool], at: datetime,
) -> None:  # fmt: skip
    """A lease for each device that has machines in this tick, in the tick's own transaction.

    The kill switch is looked at once the leases are locked: whoever sets it later waits for us, and freezes them.
    """
    told = set(edge.device_of.values()) | _to_be_emptied(edge)
    if not told:
        return
    edge_leases.lock_leases(list(edge.devices.values()))
    frozen = is_frozen(site)
    safe = _safe_states(edge, site, at)
    common, kept_low = _common(control, at), held_low(before, after)
    for pk in sorted(told):
        ids = [miner for miner in machines.ids if edge.device_of.get(miner) == pk]
        places = {miner: n for n, miner in enumerate(ids)}
        chip_c, inlet_c = books.starts_below(machines, control, [machines.place[miner] for miner in ids])
        content = {
            **common,
            "limits": {"chip_c": chip_c, "inlet_c": inlet_c, "min_off_s": control.min_off_minutes * 60},
            "ramp": {
                "up_w": rules.part_up_w.get(pk, 0), "group_up_w": rules.group_up_w,
                "down_w": rules.down_w // len(edge.devices),
            },
            "off": [n for miner, n in places.items() if after.paused[machines.place[miner]]],
            "orders": [_told(one, places) for one in orders if one.device_id == pk and one.limit_w is None],
        }  # fmt: skip
        if pk in edge.limiting:
            content |= _levels([one for one in orders if one.device_id == pk], places, machines, after, kept_low)
        edge_leases.write_lease(
            edge.devices[pk], content=content, roster=_roster(ids, edge, machines, safe), machines=len(ids),
            expires_at=at + STEPS * control.step, frozen=frozen, at=at,
        )  # fmt: skip


def _told(order: MachineOrder, places: Mapping[int, int]) -> list[Any]:
    row = [
        order.pk, places[order.miner_id], order.action, milliseconds(order.not_before), milliseconds(order.expires_at)
    ]  # fmt: skip
    return row if order.limit_w is None else [*row, order.limit_w]


def _levels(
    orders: Sequence[MachineOrder], places: Mapping[int, int], machines: Machines, after: State, kept_low: Mask
) -> dict[str, Any]:
    """Orders about limits, who keeps to one of ours and had which, and whose is to be read; or nothing at all.

    A lease that has nothing to say of limits is one of the form that was there before them.
    """
    levels = {
        "orders": [_told(one, places) for one in orders if one.limit_w is not None],
        "low": [
            [n, int(after.limit[machines.place[miner]]), int(after.before[machines.place[miner]])]
            for miner, n in places.items()
            if kept_low[machines.place[miner]]
        ],
        "asks": [n for miner, n in places.items() if miner in machines.limits],
    }
    return {"levels": levels} if any(levels.values()) else {}


def _to_be_emptied(edge: Edge) -> set[int]:
    """Devices whose lease names machines that are locked out: alone they would start them again."""
    gone = {str(edge.facts[pk]["public_id"]) for pk in edge.hidden}
    if not gone:
        return set()
    leases = EdgeLease.objects.filter(device__in=edge.devices, machines__gt=0).values_list("device_id", "roster")
    return {device for device, roster in leases if not gone.isdisjoint(document.names_in(roster))}


def _common(control: SiteControl, at: datetime) -> dict[str, Any]:
    return {
        "written": milliseconds(at),
        "step_s": control.step_s,
        "poll_s": max(LEAST_POLL_S, control.step_s / POLLS),
    }


def _roster(ids: Sequence[int], edge: Edge, machines: Machines, safe: Mapping[int, tuple[str, int]]) -> str:
    rows = []
    for pk in ids:
        place, fact = machines.place[pk], edge.facts[pk]
        state, minutes = safe.get(pk, (str(StalePolicy.RUN), 0))
        rows.append(
            document.Machine(
                id=str(fact["public_id"]), address=str(fact["address"]), port=int(fact["port"]),
                draw_w=int(machines.draw_w[place]), group=int(machines.group[place]), rank=int(machines.rank[place]),
                safe=document.Safe(state), safe_s=minutes * 60,
            )
        )  # fmt: skip
    return document.roster_of(rows)


def _safe_states(edge: Edge, site: Site, at: datetime) -> dict[int, tuple[str, int]]:
    """By the terms of the owners; our own machines run."""
    rows = Miner.objects.filter(pk__in=list(edge.device_of))
    day = at.astimezone(ZoneInfo(site.time_zone)).date()
    return stale_terms(site, rows, Safe((), None, own_state=StalePolicy.RUN, own_minutes=0), on=day)


# --- what came of it -------------------------------------------------------------------------------------------------
_AFTER = """
    UPDATE curtailment_leasereport kept SET after_w = told.after_w
    FROM unnest(%s::bigint[], %s::int[]) AS told (order_id, after_w)
    WHERE kept.order_id = told.order_id AND kept.after_w IS NULL
"""
_KNOWN = frozenset({"accepted", "refused", "unsupported", "unknown", "lapsed"})


@transaction.atomic
def take_results(device: EdgeDevice, told: Sequence[Told], at: datetime) -> list[int]:
    """What a device says came of orders in its leases, each once; what comes too late is kept as such.

    Orders of other devices, and none at all, are as good as unknown. Returns the orders that were known.
    """
    rows = MachineOrder.objects.filter(pk__in=[one.order for one in told], device=device).order_by("pk")
    orders = {row.pk: row for row in rows.select_for_update(of=("self",))}
    mine = {one.order: one for one in told if one.order in orders and one.outcome in _KNOWN}
    LeaseReport.objects.bulk_create(
        [
            LeaseReport(
                order=orders[pk], outcome=one.outcome, sent_at=_sent_at(orders[pk], one, at), before_w=one.before_w,
                after_w=one.after_w, reply=printable(one.detail), received_at=at,
                is_late=orders[pk].outcome != OrderOutcome.OPEN,
            )
            for pk, one in mine.items()
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    after = {pk: one.after_w for pk, one in mine.items() if one.after_w is not None}
    with connection.cursor() as cursor:
        cursor.execute(_AFTER, [list(after), list(after.values())])
    fresh = [pk for pk in mine if orders[pk].outcome == OrderOutcome.OPEN]
    tell(
        fresh, [_sent_at(orders[pk], mine[pk], at) for pk in fresh], [at] * len(fresh),
        [mine[pk].outcome for pk in fresh], [printable(mine[pk].detail) for pk in fresh],
    )  # fmt: skip
    return list(mine)


def _sent_at(order: MachineOrder, told: Told, at: datetime) -> datetime | None:
    """Not before it was decided, and not in the future, whatever the device says."""
    return None if told.sent_at is None else min(at, max(order.not_before, told.sent_at))


_CLOSED = """
    UPDATE curtailment_controlledmachine kept
    SET open_until = least(kept.open_until, told.answered_at), sent_at = greatest(kept.sent_at, told.sent_at)
    FROM curtailment_machineorder told
    WHERE kept.site_id = %s AND told.site_id = kept.site_id AND told.tick_number >= %s AND told.miner_id = kept.miner_id
      AND kept.sent_at = told.not_before AND told.device_id IS NOT NULL AND told.answered_at IS NOT NULL
      AND told.outcome <> 'unknown'
"""


def close_answered(site: Site, control: SiteControl) -> None:
    """Orders of the last steps that devices have answered are not on their way any more.

    What a machine said before its order really left says nothing of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLOSED, [site.pk, max(0, control.tick_number - STEPS)])


# --- the kill switch -------------------------------------------------------------------------------------------------
def freeze(site: Site | None) -> None:
    """Devices are told with their next question."""
    edge_leases.freeze_leases(edge_leases.leases_of(site), frozen=True)


def thaw(site: Site | None) -> None:
    """Where no other switch is set."""
    held = list(KillSwitch.objects.filter(released_at=None).values_list("site_id", flat=True))
    if None not in held:
        edge_leases.freeze_leases(edge_leases.leases_of(site).exclude(device__site__in=held), frozen=False)


def late_after(control: SiteControl) -> timedelta:
    """A device that has not asked for so long is late."""
    return STEPS * control.step
