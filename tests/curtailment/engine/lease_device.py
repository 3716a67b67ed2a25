"""A device of the simulation: the product's own steps, a disk, a process that is killed, a network that lies."""

import json
import secrets
from typing import Any

import numpy as np

from hosting.engine.leasing import invariants
from hosting.engine.leasing.document import FORMS, LeaseRefused, Safe, Sealed, Verb, new_key, sign, take
from hosting.engine.leasing.keeping import accept, decide, heard, note
from hosting.engine.leasing.memory import NEVER, OPEN, Memory, from_json, to_json
from hosting.engine.leasing.work import Command, Sight
from tests.curtailment.engine.lease_farm import BEAT, START, STEP, Judge, Server, Steel


class Killed(Exception):
    """The collector, in the middle."""


class Device:
    """A device: the collector's own steps around a disk that may lose nothing, and a process that may be lost."""

    def __init__(self, part: int, steel: Steel, server: Server, judge: Judge, dice: Any) -> None:
        self.part, self.steel, self.server, self.judge, self.dice = part, steel, server, judge, dice
        self.disk: str | None = None
        self.boot, self.booted_at, self.wall_off = "b0", START - 777.0, 0.0
        self.memory, self.sights = Memory(), dict[str, Sight]()
        self.up_at, self.asked_at, self.read_at = START, NEVER, NEVER
        self.cut_until, self.away_s, self.rebooted = NEVER, 0.0, False
        self.recorded: list[dict[str, Any]] = []
        self.dies_at = 0  # how many writes, or commands, from now
        self.end = NEVER  # of the last lease it took, by the world's clock
        self.now = START
        self.is_old = part in server.old

    def clock(self) -> float:
        return self.now - self.booted_at

    def keep(self, memory: Memory) -> None:
        """On the disk; a kill comes before it or after it."""
        self._perhaps()
        said = to_json(memory, boot=self.boot, now=self.clock(), wall=self.now + self.wall_off)
        self.disk = json.dumps(said)
        self._perhaps()
        self.memory = memory

    def _perhaps(self) -> None:
        if self.dies_at:
            self.dies_at -= 1
            if not self.dies_at:
                raise Killed

    def begin(self) -> None:
        """After a start."""
        if self.disk is None:
            self.memory = Memory()
            return
        self.memory = from_json(json.loads(self.disk), boot=self.boot, now=self.clock(), wall=self.now + self.wall_off)
        if self.memory.sealed is not None:
            self.memory.lease = take(
                self.memory.sealed, keys=self.server.keys, device=f"d{self.part}", challenge=None,
                above=self.memory.counter - 1,
            )  # fmt: skip
            self.end = self.memory.lease.expires_at / 1000  # killed between keeping it and going on with it

    def beat(self, now: float, *, server: bool) -> None:
        """Whatever is due."""
        self.now = now
        if now < self.up_at:
            self.away_s += BEAT
            return
        if self.dice.random() < self.steel.setting.restarts:
            self.dies_at = int(self.dice.integers(1, 6))
        if self.dice.random() < 0.02:  # somebody sets the clock
            self.wall_off = float(self.dice.uniform(-30, 30)) * 86_400
        try:
            if now >= self.read_at + STEP / 2:
                self._read()
            if now >= self.asked_at + 10:
                self.asked_at = now
                if server and self.cut_until <= now:
                    self._ask()
            self._act()
        except Killed:
            self._down()

    def _down(self) -> None:
        self.judge.restarts += 1
        self.dies_at = 0
        self.up_at = self.now + float(self.dice.integers(1, 20)) * BEAT
        self.sights = {}
        self.read_at = NEVER
        if self.dice.random() < 0.3:
            self.boot, self.booted_at, self.rebooted = f"b{self.now}", self.up_at - 20, True
        moment, self.now = self.now, self.up_at
        self.begin()
        self.now = moment

    def _read(self) -> None:
        self.read_at, steel = self.now, self.steel
        for machine in np.flatnonzero((steel.part == self.part) & (steel.cut_until <= self.now)).tolist():
            on, chip = bool(steel.on[machine]), 90.0 if steel.hot_until[machine] > self.now else 60.0
            says = None if self.is_old else steel.says(machine, self.now)
            self.sights[f"m{machine}"] = Sight(self.clock(), on, not on, 3000 if on else 15, chip, limit_w=says)

    def _had(self, name: str) -> int | None:
        return self.memory.low[name].before_w if name in self.memory.low else None

    def _ask(self) -> None:
        challenge, now = secrets.token_hex(8), self.clock()
        results = [one for one in self.memory.results.values() if one.outcome != OPEN]
        question = {
            "challenge": challenge,
            "seen": [
                (int(name[1:]), now - one.at, one.on, (one.chip_c or 0) > 70, one.limit_w, self._had(name))
                for name, one in self.sights.items()
            ],
            "forms": FORMS[:1] if self.is_old else FORMS,
            "results": [
                (one.order, None if one.sent_at is None else now - one.sent_at, one.outcome) for one in results
            ],
        }
        answer = self.server.answer(self.part, question, self.now)
        self.recorded.append(answer)
        given, is_lie = self._on_the_way(answer)
        memory = heard(self.memory, [] if is_lie else given["heard"], now=now)
        if given["lease"] is None:
            return
        sealed = Sealed(given["lease"], given["signature"], given["roster"])
        try:
            lease = take(
                sealed, keys=self.server.keys, device=f"d{self.part}", challenge=challenge, above=memory.counter
            )
        except LeaseRefused:
            self.judge.refused += 1
            return
        if is_lie:
            self.judge.problems.append("a lease was taken that the server did not give to this question")
        if self.is_old and "levels" in json.loads(given["lease"]):
            self.judge.problems.append("a device was sent what it does not understand")
        self.keep(accept(memory, sealed, lease, asked_at=now))
        self.end = lease.expires_at / 1000

    def _on_the_way(self, answer: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Somebody in the middle: an older answer, one for another device, one that was changed or signed anew."""
        if answer["lease"] is None or self.dice.random() >= self.steel.setting.lies:
            return answer, False
        kind = int(self.dice.integers(0, 5))
        said = json.loads(answer["lease"])
        if kind == 0:
            return self.recorded[int(self.dice.integers(0, len(self.recorded) - 1))] if len(self.recorded) > 1 else {
                **answer, "lease": "{}"}, True  # fmt: skip
        if kind == 1:
            longer = {**said, "expires_at": said["expires_at"] + 86_000_000, "counter": said["counter"] + 1}
            text = json.dumps(longer, sort_keys=True, separators=(",", ":"))
            return {**answer, "lease": text}, True
        if kind == 2:
            text, signature = sign({**said, "expires_at": said["expires_at"] + 86_000}, new_key()[0])
            return {**answer, "lease": text, "signature": signature}, True
        if kind == 3:
            return {**answer, "roster": answer["roster"].replace("4028", "4029")}, True
        other = dict(said, device="d99", counter=said["counter"] + 5)
        text, signature = sign({k: v for k, v in other.items() if k not in ("form", "key")}, self.server.private)
        return {**answer, "lease": text, "signature": signature}, True

    def _act(self) -> None:
        now = self.clock()
        decision = decide(self.memory, self.sights, now=now)
        wrong = invariants.broken(decision.commands, self.memory, self.sights, now=now)
        self.judge.problems += wrong
        if wrong or not (decision.commands or decision.memory != self.memory):
            return
        self.keep(decision.memory)
        for command in decision.commands:
            self._perhaps()
            self._send(command)
        self.keep(self.memory)

    def _send(self, command: Command) -> None:
        machine, on = int(command.machine.id[1:]), command.verb is Verb.RESUME
        self._judge(command, machine)
        if command.watts:
            yes = self.steel.tell_limit(machine, self.now, command.watts)
        else:
            yes = self.steel.tell(machine, self.now, on=on)
        note(self.memory, command, outcome="accepted" if yes else "unknown", detail="", sent=True)

    def _judge(self, command: Command, machine: int) -> None:
        """Against what a person would say, not against what the device thinks."""
        say, steel, verb = self.judge.problems.append, self.steel, command.verb
        if verb is Verb.RESUME and not steel.was_on[machine]:
            say(f"I5: m{machine} was off before anybody touched it, and was started")
        if verb is Verb.RESUME and steel.hot_until[machine] > self.now and steel.hot_since[machine] < self.now - 120:
            say(f"I7: m{machine} is too hot")
        if self.is_old and command.watts:
            say(f"m{machine} was told a limit by a device that knows none")
        if command.order is not None:
            if self.server.order_of.get(command.order) != (machine, verb.value, command.watts):
                say(f"I1: nobody ordered that of m{machine}")
            if self.now > self.end + BEAT:
                say(f"I2: m{machine} was told by a lease that was over")
            return
        self._judge_alone(command, machine)

    def _judge_alone(self, command: Command, machine: int) -> None:
        """What it does by itself: give back what nobody holds, and what its contract says while nobody is there."""
        say, steel, kept = self.judge.problems.append, self.steel, self.server.kept
        up = command.verb in (Verb.RESUME, Verb.LIFT)
        self.judge.alone += up
        self.judge.again += command.verb is Verb.LIMIT
        held = kept.limited if command.verb is Verb.LIFT else kept.paused
        orphan = up and not held[machine]
        if self.now < self.end - BEAT and not self.rebooted and not orphan:
            say(f"m{machine} was told by the device itself while its lease held")
        stays = steel.safe[machine] is not Safe.RUN and self.now < self.end + steel.safe_s[machine] - BEAT
        if up and stays and not self.rebooted and not orphan:
            say(f"m{machine} left its safe state {steel.safe[machine]} too early")
        may = steel.safe[machine] is Safe.CURTAIL and (stays or self.rebooted)  # a reboot may cost the time it took
        if not up and not may:
            say(f"m{machine} was brought down by nobody's word")
