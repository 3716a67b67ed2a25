"""What the control keeps, from rows to arrays and back: machines under control, their facts, and what they said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from curtailment.engine.values import ALWAYS, NEVER, SAME, PlanNow, Rules, Seen, Spent, State
from curtailment.models import ControlledMachine, CurtailmentPlan, CurtailmentPlanMiner, SiteControl
from hosting.clients.aside import Heard
from hosting.clients.own import limit_of
from hosting.engine.machines.reading import MiningState, Reading
from hosting.enums import MinerIntent
from hosting.models import Miner, Site

RUNS = (MiningState.MINING, MiningState.STARTING)
RESTS = (MiningState.PAUSED, MiningState.IDLE)
EDGE = "edge"  # the dialect of what a device has said of a machine
OURS = (MinerIntent.ACTIVE, MinerIntent.CURTAILED)  # any other intent is somebody's decision: hands off
_TIMES = ("sent_at", "open_until", "next_at", "paused_at", "resumed_at")
_REST = ("touched", "resumed", "tries", "calm", "limiting")
_HOTTEST = ("model__chip_max_c", "model__inlet_max_c")
_WATTS = {"limit": "limit_w", "before": "earlier_w"}  # no watts stand as none
BATCH = 2_000


@dataclass(frozen=True)
class Machines:
    """The machines of a tick in the order of the arrays. ``limits``: those whose limit of power has to be read.

    ``chip_c`` and ``inlet_c``: above these (°C) their models are not to be started; infinite where nobody says.
    """

    ids: tuple[int, ...]
    place: Mapping[int, int]
    draw_w: Any
    group: Any
    rank: Any
    locked: Any
    intent: tuple[str, ...]
    chip_c: Any
    inlet_c: Any
    limits: frozenset[int] = frozenset()


def seconds(moment: datetime | None) -> float:
    """Since 1970; NEVER for none."""
    return NEVER if moment is None else moment.timestamp()


def moment(value: float) -> datetime | None:
    """The other way round."""
    return None if value == NEVER else datetime.fromtimestamp(value, UTC)


def machines_of(site: Site, plans: Sequence[CurtailmentPlan]) -> Machines:
    """Candidates of the plans and whatever we have switched; a machine that left the site is not ours any more."""
    kept = ControlledMachine.objects.in_hand().filter(site=site).values_list("miner_id", "plan_id", "earlier_w")
    touched = {miner: plan_id for miner, plan_id, _earlier in kept}
    limits = {miner for miner, _plan_id, earlier in kept if earlier is not None}
    wanted = {plan.pk for plan in plans} | {plan_id for plan_id in touched.values() if plan_id is not None}
    facts: dict[int, tuple[int, int]] = {}
    rows = CurtailmentPlanMiner.objects.filter(plan__in=wanted)
    for miner_id, order, draw, limit in rows.values_list("miner_id", "shutdown_order", "draw_w", "limit_w"):
        if limit is not None:
            limits.add(miner_id)
        rank, watts = facts.get(miner_id, (0, 0))
        facts[miner_id] = (max(rank, order), max(watts, draw))
    ids = sorted(set(facts) | set(touched))
    wanted_of = ("pk", "site_id", "zone_id", "intent", "nameplate_w", *_HOTTEST)
    found = {row["pk"]: row for row in Miner.objects.filter(pk__in=ids).values(*wanted_of)}
    ids = [pk for pk in ids if pk in found]
    here = [found[pk]["site_id"] == site.pk and found[pk]["intent"] in OURS for pk in ids]
    return Machines(
        ids=tuple(ids),
        place={pk: place for place, pk in enumerate(ids)},
        draw_w=np.array([facts.get(pk, (0, found[pk]["nameplate_w"] or 0))[1] for pk in ids], np.int64),
        group=np.array([found[pk]["zone_id"] or 0 for pk in ids], np.int64),
        rank=np.array([facts.get(pk, (0, 0))[0] for pk in ids], np.int64),
        locked=~np.array(here, bool) if ids else np.zeros(0, bool),
        intent=tuple(found[pk]["intent"] for pk in ids),
        chip_c=_hottest([found[pk][_HOTTEST[0]] for pk in ids]),
        inlet_c=_hottest([found[pk][_HOTTEST[1]] for pk in ids]),
        limits=frozenset(limits),
    )


def _hottest(limits: Sequence[int | None]) -> Any:
    return np.array([np.inf if one is None else one for one in limits], float)


def locked_now(site: Site, machines: Machines) -> Machines:
    """The same machines, with who is locked out by now."""
    ours = set(Miner.objects.filter(pk__in=machines.ids, site=site, intent__in=OURS).values_list("pk", flat=True))
    return replace(machines, locked=np.array([pk not in ours for pk in machines.ids], bool))


def state_of(site: Site, machines: Machines, control: SiteControl) -> State:
    """As it was kept after the last tick."""
    state = State.new(len(machines.ids))
    rows = ControlledMachine.objects.filter(site=site, miner__in=machines.ids)
    for row in rows.values("miner_id", "plan_id", *_TIMES, *_REST, *_WATTS.values()):
        place = machines.place[row["miner_id"]]
        state.by[place] = -1 if row["plan_id"] is None else row["plan_id"]
        for name in _TIMES:
            getattr(state, name)[place] = seconds(row[name])
        for name in _REST:
            getattr(state, name)[place] = row[name]
        for name, column in _WATTS.items():
            getattr(state, name)[place] = row[column] or 0
    state.touched |= state.before > 0  # who knows nothing of limits gives a limited machine back that is none yet
    state.at = seconds(control.ticked_at)
    state.spent = tuple(
        Spent(float(age), {int(group): int(watts) for group, watts in up.items()}, int(down))
        for age, up, down in control.spent
    )
    return state


def spent_json(state: State) -> list[Any]:
    """The budgets' memory, as it is kept."""
    return [[one.age_s, {str(group): watts for group, watts in one.up.items()}, one.down_w] for one in state.spent]


def keep_state(site: Site, machines: Machines, before: State, after: State) -> None:
    """Write what has changed."""
    changed = before.by != after.by
    for name in (*_TIMES, *_REST, *_WATTS):
        old, new = getattr(before, name), getattr(after, name)
        changed |= old != new
    rows = [
        ControlledMachine(
            miner_id=machines.ids[place], site=site, plan_id=None if after.by[place] < 0 else int(after.by[place]),
            **{name: moment(float(getattr(after, name)[place])) for name in _TIMES},
            **{name: getattr(after, name)[place].item() for name in _REST},
            **{column: getattr(after, name)[place].item() or None for name, column in _WATTS.items()},
        )
        for place in np.flatnonzero(changed)
    ]  # fmt: skip
    ControlledMachine.objects.bulk_create(
        rows, batch_size=BATCH, update_conflicts=True, unique_fields=["miner"],
        update_fields=["site", "plan", *_TIMES, *_REST, *_WATTS.values()],
    )  # fmt: skip


def plan_now(plan: CurtailmentPlan, machines: Machines, order: Mapping[int, int | None]) -> PlanNow:
    """A running plan as the engine takes it. ``order``: its machines and the limit of each; None: off."""
    places = [machines.place[pk] for pk in order if pk in machines.place]
    levels = [order[machines.ids[place]] or 0 for place in places]
    return PlanNow(
        key=plan.pk, starts_at=seconds(plan.starts_at),
        ends_at=ALWAYS if plan.ends_at is None else seconds(plan.ends_at), order=np.array(places, np.int64),
        target_w=int((plan.target_kw or 0) * 1000), shared=plan.is_emergency or bool(plan.needs_two)
        or plan.standing_approval_id is not None, urgent=plan.is_emergency,
        level_w=np.array(levels, np.int64) if any(levels) else None,
    )  # fmt: skip


def seen_by(machines: Machines, heard: Mapping[int, Heard], control: SiteControl) -> tuple[Seen, list[int | None]]:
    """What the machines said a moment ago, and what each draws (None: nobody knows)."""
    n = len(machines.ids)
    at, on, off, hot = np.full(n, NEVER), np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, bool)
    limit = np.zeros(n, np.int64)
    watts: list[int | None] = [None] * n
    for pk, (when, result) in heard.items():
        reading = result.reading
        if reading is None or not reading.known:
            continue
        place = machines.place[pk]
        at[place] = seconds(when)
        on[place], off[place] = reading.state in RUNS, reading.state in RESTS
        chip, inlet = starts_below(machines, control, place)
        hot[place] = _hot(reading, chip_c=chip, inlet_c=inlet)
        limit[place] = _limit(reading)
        watts[place] = None if reading.power_w is None else round(reading.power_w)
    return Seen(at, on, off, machines.locked, hot, machines.draw_w, machines.group, machines.rank, limit), watts


def watts_of(machines: Machines, said: Mapping[int, int]) -> Any:
    """Watts of machines as an array in their order, 0 for those that are not named."""
    found = np.zeros(len(machines.ids), np.int64)
    for pk, watts in said.items():
        found[machines.place[pk]] = watts
    return found


def _limit(reading: Reading) -> int:
    """The limit a machine keeps to; 0 where it takes none from us. A device says it of those that take one from it."""
    said = reading.power_target_w if reading.dialect == EDGE else limit_of(reading)
    return int(said or 0)


def held_w(machines: Machines, state: State) -> Any:
    """By how much each machine was told to draw less."""
    down = state.touched & ~state.resumed
    return np.where(down, np.maximum(machines.draw_w - np.where(state.paused, 0, state.limit), 0), 0)


def lowered(state: State, seen: Seen) -> Any:
    """Machines that run and are seen to keep to the limit we have told them."""
    told = state.touched & (state.before > 0) & ~state.paused & ~state.resumed
    return told & seen.on & (seen.limits > 0) & (seen.limits * SAME <= state.limit)


def starts_below(machines: Machines, control: SiteControl, places: Any) -> tuple[float, float]:
    """To start these, chips and air (or what else cools them) must not be hotter (°C): by their models and the site."""
    chip = min(float(control.start_chip_c), float(np.min(machines.chip_c[places], initial=np.inf)))
    return chip, min(float(control.start_inlet_c), float(np.min(machines.inlet_c[places], initial=np.inf)))


def _hot(reading: Reading, *, chip_c: float, inlet_c: float) -> bool:
    """What nobody measures holds nothing up."""
    chip, inlet = reading.chip_temp_max_c, reading.inlet_temp_c
    return (chip is not None and chip > chip_c) or (inlet is not None and inlet > inlet_c)


def rules_of(control: SiteControl, *, down_w: int, up_w: int, zone_up_w: int, single_w: int) -> Rules:
    """Ramps of a minute as budgets of a step."""
    share = control.step_s / 60
    return Rules(
        step_s=float(control.step_s), window_s=control.step_s / 2, down_w=max(1, int(down_w * share)),
        up_w=max(1, int(up_w * share)), group_up_w=max(1, int(zone_up_w * share)), single_w=single_w,
        min_off_s=control.min_off_minutes * 60.0, min_on_s=control.min_on_minutes * 60.0,
        retry_s=max(300.0, 5.0 * control.step_s),
    )  # fmt: skip
