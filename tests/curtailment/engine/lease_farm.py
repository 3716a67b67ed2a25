"""Edge devices under virtual time: the server dies, networks break and lie, devices are killed at each of their writes.

Deciding, signing, remembering and returning are the product's own; what the machines really do is kept here, and judged
by nothing but that.
"""

import secrets
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curtailment.engine.control import tick
from curtailment.engine.invariants import broken
from curtailment.engine.leased import corrected, held_low
from curtailment.engine.shares import next_shares
from curtailment.engine.values import NEVER, Action, PlanNow, Rules, Seen, State
from hosting.engine.leasing.document import (
    LEVELS,
    Machine,
    Safe,
    Verb,
    digest,
    in_form,
    key_name,
    new_key,
    roster_of,
    sign,
)

STEP, BEAT, STEPS = 60, 5.0, 3
START = 1_800_000_000.0
HOUR = 3600.0
ROUNDS_W = 30  # a firmware of profiles takes the next one below


@dataclass(frozen=True)
class Setting:
    """What a run is made of."""

    seed: int
    machines: int = 60
    devices: int = 2
    zones: int = 6
    server_dies: bool = True
    comes_back: bool = False
    kill_switch: bool = False
    restarts: float = 0.004  # of a device, in each beat
    lies: float = 0.1  # of its answers
    lost: float = 0.02
    plan_s: float = 40 * 60.0
    forgets: float = 0.0  # of a machine's limit, in each beat of the site
    old: bool = False  # the first device knows no limits of power


def setting_of(seed: int, machines: int = 60) -> Setting:
    """Every seed has another mixture."""
    dice = np.random.default_rng(seed)
    return Setting(
        seed=seed, machines=machines, devices=int(dice.integers(1, 4)), zones=int(dice.integers(4, 9)),
        server_dies=bool(dice.random() < 0.8), comes_back=bool(dice.random() < 0.3),
        kill_switch=bool(dice.random() < 0.15),
        restarts=float(dice.choice([0.0, 0.004, 0.03])), lies=float(dice.choice([0.0, 0.1, 0.4])),
    )  # fmt: skip


@dataclass
class Steel:
    """The machines."""

    setting: Setting

    def __post_init__(self) -> None:
        setting, dice = self.setting, np.random.default_rng(self.setting.seed + 10_000)
        n = self.n = setting.machines
        self.dice = dice
        self.draw_w = dice.choice([3250, 3500, 5360], n).astype(np.int64)
        self.zone = dice.integers(1, setting.zones + 1, n)
        self.rank = dice.permutation(n)
        # Zones of devices in turn; the last one is read by the server itself.
        self.part = np.array([zone % (setting.devices + 1) for zone in range(setting.zones + 1)])[self.zone]
        self.on = dice.random(n) > 0.05
        self.was_on = self.on.copy()
        self.safe = [Safe(word) for word in dice.choice(["run", "hold", "curtail"], n)]
        self.runs = np.array([one is Safe.RUN for one in self.safe])
        self.safe_s = np.array(
            [0 if one is Safe.RUN else int(dice.integers(15, 30)) * 60 for one in self.safe], np.int64
        )
        self.hot_since, self.hot_until, self.cut_until = (np.full(n, NEVER) for _ in range(3))
        self.losses = np.zeros(n, np.int64)
        self.coming: list[tuple[float, int, bool]] = []
        self.started: list[tuple[float, int, int]] = []  # told to draw more: when, machine, how much
        limits = np.random.default_rng(setting.seed + 20_000)
        self.own_w = (self.draw_w * limits.uniform(1.0, 1.1, n)).astype(np.int64)
        self.limit_w = self.own_w.copy()
        self.tells = limits.random(n) < 0.85
        self.rounds = limits.random(n) < 0.5
        self.slow = limits.random(n) < 0.2
        self.settling: list[tuple[float, int, int]] = []
        self.was: dict[int, list[tuple[float, int]]] = defaultdict(list)  # what a limit was until when
        self.wrong: list[str] = []

    def tell(self, machine: int, now: float, *, on: bool) -> bool:
        """Whether it says yes."""
        if on:
            self.started.append((now, machine, int(self.draw_w[machine])))
        if self.cut_until[machine] > now or self.dice.random() < self.setting.lost:
            self.losses[machine] += 1
            return False
        self.coming.append((now + float(self.dice.uniform(0.2, 12)), machine, on))
        return True

    def tell_limit(self, machine: int, now: float, watts: int) -> bool:
        """The same about a limit; what it adds to the load is what the machine really draws less now."""
        if watts > self.own_w[machine] or watts <= 0:
            self.wrong.append(f"m{machine} was told {watts} W and had {self.own_w[machine]} W")
        if not self.tells[machine]:
            self.wrong.append(f"m{machine} says no limit and was told one")
        draw = int(self.draw_w[machine])
        rise = min(draw, watts) - min(draw, int(self.limit_w[machine]))
        if rise > 0 and self.on[machine]:
            self.started.append((now, machine, rise))
        if self.cut_until[machine] > now or self.dice.random() < self.setting.lost:
            self.losses[machine] += 1
            return False
        self.settling.append((now + float(self.dice.uniform(0.2, 12)), machine, watts))
        return True

    def says(self, machine: int, now: float) -> int | None:
        """Its limit; a slow one tells that of a while ago."""
        if not self.tells[machine]:
            return None
        then = now - 20.0 if self.slow[machine] else now
        return next((watts for at, watts in self.was[machine] if at > then), int(self.limit_w[machine]))

    def _set(self, machine: int, moment: float, watts: int) -> None:
        self.was[machine].append((moment, int(self.limit_w[machine])))
        self.limit_w[machine] = watts

    @property
    def low(self) -> NDArray[np.bool_]:
        """Who keeps to a lower limit than its own."""
        return np.asarray(self.limit_w < self.own_w * 0.99)

    def pass_time(self, now: float) -> None:
        """What was on its way happens; now and then one is in trouble, or starts by itself."""
        for at, machine, watts in sorted(one for one in self.settling if one[0] <= now):
            lower = self.rounds[machine] and watts < self.own_w[machine]
            self._set(machine, at, watts - watts % ROUNDS_W if lower else watts)
        self.settling = [one for one in self.settling if one[0] > now]
        if self.setting.forgets and self.dice.random() < self.setting.forgets:
            machine = int(self.dice.integers(0, self.n))
            self._set(machine, now, int(self.own_w[machine]))
        for one in sorted(one for one in self.coming if one[0] <= now):
            self.on[one[1]] = one[2]
        self.coming = [one for one in self.coming if one[0] > now]
        for until in (self.hot_until, self.cut_until):
            if self.dice.random() < 0.01:
                machine = int(self.dice.integers(0, self.n))
                if until is self.hot_until and until[machine] < now:
                    self.hot_since[machine] = now
                until[machine] = now + float(self.dice.integers(1, 5)) * STEP
        if self.dice.random() < 0.003:
            machine = int(self.dice.integers(0, self.n))
            self.on[machine] |= self.was_on[machine]


@dataclass
class Judge:
    """What a run came to."""

    problems: list[str] = field(default_factory=list)
    left_off: int = 0
    left_low: int = 0
    late: int = 0
    alone: int = 0  # machines that devices brought back by themselves
    refused: int = 0
    restarts: int = 0
    most_off: int = 0
    most_low: int = 0
    again: int = 0  # limits that devices told again by themselves


class Server:
    """The control of production and the carrier of leases, over arrays in place of tables."""

    def __init__(self, steel: Steel, plans: list[PlanNow], rules: Rules) -> None:
        self.steel, self.plans, self.rules = steel, plans, rules
        self.private, public = new_key()
        self.keys = {key_name(public): public}
        self.kept = State.new(steel.n)
        self.last = NEVER
        self.leases: dict[int, dict[str, Any]] = {}
        self.read_at, self.read_on = np.full(steel.n, NEVER), np.zeros(steel.n, bool)
        self.read_hot = np.zeros(steel.n, bool)
        self.read_w, self.had_w = np.zeros(steel.n, np.int64), np.zeros(steel.n, np.int64)
        self.orders = 0
        self.order_of: dict[int, tuple[int, str, int]] = {}
        self.old = {1} if steel.setting.old else set()  # devices that know no levels

    def step(self, now: float, *, frozen: bool, problems: list[str]) -> None:
        """One tick."""
        steel = self.steel
        if now < self.last + STEP:
            return
        self.last = now
        direct = (steel.part == 0) & (steel.cut_until <= now)
        self.read_at[direct], self.read_on[direct] = now - 1, steel.on[direct]
        self.read_hot[direct] = steel.hot_until[direct] > now
        for machine in np.flatnonzero(direct).tolist():
            self.read_w[machine] = steel.says(machine, now - 1) or 0
        seen = Seen(
            self.read_at.copy(), self.read_on.copy(), (self.read_at > NEVER) & ~self.read_on,
            np.zeros(steel.n, bool), self.read_hot, steel.draw_w, steel.zone, steel.rank, self.read_w.copy(),
        )  # fmt: skip
        self.kept = corrected(self.kept, self.had_w)
        rules = self._within(now)
        plans = [plan for plan in self.plans if now < plan.ends_at]
        decision = tick(now, seen, plans, self.kept, rules, frozen=frozen)
        problems += broken(decision, now, seen, plans, self.kept, rules, frozen=frozen)
        self.held = held_low(self.kept, decision.state)
        self.kept = decision.state
        orders: dict[int, list[Any]] = defaultdict(list)
        for one in decision.orders:
            part = int(steel.part[one.machine])
            if part == 0 and one.limit_w:
                steel.tell_limit(one.machine, now, one.limit_w)
                continue
            if part == 0:
                steel.tell(one.machine, now, on=one.action is Action.RESUME)
                continue
            self.orders += 1
            self.order_of[self.orders] = (one.machine, one.action.value, one.limit_w)
            orders[part].append((self.orders, one.machine, one.action.value, now, one.expires_at, one.limit_w))
        for part in sorted(set(rules.part_up_w) - {0}):  # whose machines nobody cares for keeps what it has
            self._write(part, orders[part], rules, now, frozen=frozen)

    def _within(self, now: float) -> Rules:
        steel = self.steel
        part_of = {int(zone): int(part) for zone, part in zip(steel.zone, steel.part, strict=True) if part}
        fresh = [one for one in self.kept.spent if one.age_s + now - self.kept.at < STEP]
        spent = sum(w for one in fresh for zone, w in one.up.items() if zone not in part_of)
        floors = {0: spent}
        for part, lease in self.leases.items():
            if lease["held_until"] is not None:
                floors[part] = max(lease["handed_w"], lease["content"]["ramp"]["up_w"])
        mine = self.kept.touched.copy()  # machines of plans that run, and whoever is not back yet
        for plan in self.plans:
            if plan.starts_at <= now < plan.ends_at:
                mine[plan.order] = True
        parts = {
            int(part): (int(steel.draw_w[some].sum()), int(steel.draw_w[some].max()))
            for part in np.unique(steel.part)
            if (some := mine & (steel.part == part)).any()
        }
        shares = next_shares(self.rules.up_w, parts, floors)
        return replace(self.rules, part_of=part_of, part_up_w=shares)

    def _write(self, part: int, orders: list[Any], rules: Rules, now: float, *, frozen: bool) -> None:
        steel = self.steel
        ids = np.flatnonzero(steel.part == part).tolist()
        places = {machine: n for n, machine in enumerate(ids)}
        lease = self.leases.setdefault(part, {"counter": 0, "held_until": None, "handed_w": 0, "narrowed": None})
        lease["roster"] = roster_of(
            [
                Machine(f"m{one}", "10.0.0.1", 4028, int(steel.draw_w[one]), int(steel.zone[one]),
                        int(steel.rank[one]), steel.safe[one], int(steel.safe_s[one]))
                for one in ids
            ]
        )  # fmt: skip
        lease["content"] = {
            "step_s": STEP, "poll_s": 10.0, "limits": {"chip_c": 70.0, "inlet_c": 40.0, "min_off_s": 0},
            "ramp": {"up_w": rules.part_up_w[part], "group_up_w": rules.group_up_w, "down_w": rules.down_w // 3},
            "off": [n for one, n in places.items() if self.kept.paused[one]],
            "orders": [
                [key, places[machine], verb, round(begin * 1000), round(end * 1000)]
                for key, machine, verb, begin, end, _watts in orders
                if Verb(verb) not in LEVELS
            ],
        }  # fmt: skip
        levels = {
            "orders": [
                [key, places[machine], verb, round(begin * 1000), round(end * 1000), watts]
                for key, machine, verb, begin, end, watts in orders
                if Verb(verb) in LEVELS
            ],
            "low": [
                [n, int(self.kept.limit[one]), int(self.kept.before[one])]
                for one, n in places.items()
                if self.held[one]
            ],
            "asks": [],
        }
        if part not in self.old and any(levels.values()):
            lease["content"]["levels"] = levels
        lease["expires_at"], lease["frozen"] = now + STEPS * STEP, frozen

    def answer(self, part: int, question: dict[str, Any], now: float) -> dict[str, Any]:
        """As ``hosting.domain.edge_leases.answer``."""
        for machine, age, on, hot, limit, had in question["seen"]:
            self.read_at[machine], self.read_on[machine], self.read_hot[machine] = now - age, on, hot
            self.read_w[machine], self.had_w[machine] = limit or 0, had or 0
        for order, sent_ago, outcome in question["results"]:
            machine = self.order_of[order][0]
            if outcome != "unknown" and self.kept.open_until[machine] > now:
                self.kept.open_until[machine] = now
            if sent_ago is not None:
                self.kept.sent_at[machine] = max(self.kept.sent_at[machine], now - sent_ago)
        told = [order for order, _ago, _outcome in question["results"]]
        lease = self.leases.get(part)
        if lease is None:
            return {"lease": None, "heard": told}
        lease["counter"] = max(lease["counter"] + 1, round(now * 1e6))
        content, share = lease["content"], lease["content"]["ramp"]["up_w"]
        text, signature = sign(
            {
                **in_form(content, question["forms"], frozen=lease["frozen"]), "device": f"d{part}",
                "counter": lease["counter"], "nonce": secrets.token_hex(4), "challenge": question["challenge"],
                "now": round(now * 1000), "expires_at": round(lease["expires_at"] * 1000), "frozen": lease["frozen"],
                "keys": [], "roster": digest(lease["roster"].encode()),
            },
            self.private,
        )  # fmt: skip
        if share >= lease["handed_w"] or (lease["narrowed"] is not None and now - lease["narrowed"] >= STEP):
            lease["handed_w"], lease["narrowed"] = share, None
        elif lease["narrowed"] is None:
            lease["narrowed"] = now
        lease["held_until"] = lease["expires_at"]
        return {"lease": text, "signature": signature, "roster": lease["roster"], "heard": told}
