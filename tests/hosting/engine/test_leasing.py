"""Leases on the device: what is taken and what is not, what is remembered, and what a kill leaves behind."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hosting.clients.lease_file import SLOTS, LeaseFile
from hosting.engine.leasing import invariants
from hosting.engine.leasing.document import (
    Doubt,
    Lease,
    LeaseRefused,
    Machine,
    Safe,
    Sealed,
    Verb,
    canonical,
    digest,
    key_name,
    new_key,
    roster_of,
    sign,
    take,
)
from hosting.engine.leasing.keeping import accept, decide, heard, note
from hosting.engine.leasing.memory import Memory
from hosting.engine.leasing.work import Sight

NOW = 10_000.0
SERVER = 1_800_000_000_000
PRIVATE, PUBLIC = new_key()
KEYS = {key_name(PUBLIC): PUBLIC}
MACHINES = [Machine(f"m{n}", "10.0.0.1", 4028, 1000, n % 2, n, Safe.RUN, 0) for n in range(4)]


def said(**changes: Any) -> dict[str, Any]:
    """A lease for a minute, with an order to pause machine 0."""
    return {
        "device": "d", "counter": 5, "nonce": "n", "challenge": "c", "now": SERVER, "expires_at": SERVER + 60_000,
        "frozen": False, "step_s": 20, "poll_s": 5.0, "off": [], "keys": [],
        "roster": digest(roster_of(MACHINES).encode()),
        "orders": [[1, 0, "pause", SERVER, SERVER + 10_000]],
        "ramp": {"up_w": 2000, "group_up_w": 2000, "down_w": 2000},
        "limits": {"chip_c": 70, "inlet_c": 40, "min_off_s": 0}, **changes,
    }  # fmt: skip


def sealed(roster: list[Machine] | None = None, private: bytes = PRIVATE, **changes: Any) -> Sealed:
    machines = roster_of(MACHINES if roster is None else roster)
    if roster is not None:
        changes["roster"] = digest(machines.encode())
    return Sealed(*sign(said(**changes), private), machines)


def taken(one: Sealed, *, device: str = "d", challenge: str | None = "c", above: int = 4) -> Lease:
    return take(one, keys=KEYS, device=device, challenge=challenge, above=above)


def with_lease(memory: Memory | None = None, at: float = NOW, **changes: Any) -> Memory:
    one = sealed(**changes)
    return accept(memory or Memory(), one, taken(one, above=0), asked_at=at)


def sights(at: float, off: tuple[int, ...] = (), **more: Any) -> dict[str, Sight]:
    return {f"m{n}": Sight(at, n not in off, n in off, **more) for n in range(4)}


# --- what is taken ----------------------------------------------------------------------------------------------------
def test_what_was_signed_for_this_question_is_taken() -> None:
    lease = taken(sealed())
    assert (lease.counter, lease.orders[0].verb, lease.machines["m3"].rank) == (5, Verb.PAUSE, 3)


def _changed(one: Sealed, old: str, new: str) -> Sealed:
    assert old in one.text
    return replace(one, text=one.text.replace(old, new))


@pytest.mark.parametrize(
    ("one", "doubt"),
    [
        (_changed(sealed(), str(SERVER + 60_000), str(SERVER + 80_000)), Doubt.SIGNATURE),
        (_changed(sealed(), '"counter":5', '"counter":6'), Doubt.SIGNATURE),
        (_changed(sealed(), '"frozen":false', '"frozen":false '), Doubt.SIGNATURE),
        (sealed(private=new_key()[0]), Doubt.KEY),
        (replace(sealed(), signature="AAAA"), Doubt.SIGNATURE),
        (replace(sealed(), signature="?"), Doubt.FORM),
        (replace(sealed(), text=sealed().text[:-9]), Doubt.FORM),
        (replace(sealed(), text=""), Doubt.FORM),
        (replace(sealed(), text="[]"), Doubt.FORM),
        (replace(sealed(), roster=roster_of(MACHINES[:3])), Doubt.ROSTER),
        (replace(sealed(), roster=""), Doubt.ROSTER),
        (sealed(device="e"), Doubt.DEVICE),
        (sealed(challenge="b"), Doubt.CHALLENGE),
        (sealed(counter=4), Doubt.COUNTER),
        (sealed(counter=4, off=[1]), Doubt.COUNTER),
        (sealed(counter=3), Doubt.COUNTER),
        (sealed(counter=True), Doubt.FORM),
        (sealed(counter=-1), Doubt.FORM),
        (sealed(off=[9]), Doubt.FORM),
        (sealed(orders=[[1, 0, "explode", 0, 1]]), Doubt.FORM),
        (sealed(expires_at=SERVER + 2 * 86_400_000), Doubt.FORM),
        (sealed(step_s=0), Doubt.FORM),
        (sealed(keys=["AAAA"]), Doubt.FORM),
        (sealed(form="another"), Doubt.FORM),
    ],
)  # fmt: skip
def test_nothing_else_is(one: Sealed, doubt: Doubt) -> None:
    with pytest.raises(LeaseRefused) as found:
        taken(one)
    assert found.value.doubt is doubt


def test_every_flipped_bit_of_a_lease_is_noticed() -> None:
    one = sealed()
    for place in range(len(one.text)):
        flipped = one.text[:place] + chr(ord(one.text[place]) ^ 1) + one.text[place + 1 :]
        with pytest.raises(LeaseRefused):
            taken(replace(one, text=flipped))


# --- what is done with it ---------------------------------------------------------------------------------------------
def test_an_order_is_carried_out_once() -> None:
    memory = with_lease()
    first = decide(memory, sights(NOW), now=NOW + 1)
    assert [(one.machine.id, one.verb) for one in first.commands] == [("m0", Verb.PAUSE)]
    assert decide(first.memory, sights(NOW), now=NOW + 2).commands == ()
    assert decide(with_lease(first.memory, counter=6), sights(NOW), now=NOW + 2).commands == ()


@pytest.mark.parametrize(
    ("seen", "now", "changes", "why"),
    [
        (sights(NOW), NOW + 10, {}, "heard of too late"),
        ({}, NOW + 11, {}, "no reading"),
        (sights(NOW, off=(0,)), NOW + 1, {}, "it rests already"),
        (sights(NOW, off=(0,)), NOW + 1, {"orders": [[1, 0, "resume", SERVER, SERVER + 10_000]]},
         "it was not switched off by us"),
        (sights(NOW), NOW + 1, {"orders": [[1, 0, "resume", SERVER, SERVER + 10_000]]}, "it runs already"),
        (sights(NOW, off=(0,), chip_c=80.0), NOW + 10,
         {"orders": [[1, 0, "resume", SERVER, SERVER + 10_000]], "off": [0]}, "too hot to start"),
    ],
)  # fmt: skip
def test_an_order_that_does_not_fit_is_told_why(seen: Any, now: float, changes: Any, why: str) -> None:
    decision = decide(with_lease(**changes), seen, now=now)
    assert decision.commands == ()
    assert decision.memory.results[1].detail == why


def test_an_order_waits_for_its_reading_and_not_beyond_its_time() -> None:
    memory = with_lease()
    assert decide(memory, {}, now=NOW + 5).memory.results == {}
    assert len(decide(memory, sights(NOW + 5), now=NOW + 6).commands) == 1
    assert decide(memory, sights(NOW - 130), now=NOW + 5).commands == (), "older than 120 s"


def test_alone_machines_come_back_by_rank_within_the_ramp_and_only_ours() -> None:
    memory = with_lease(off=[0, 1, 3], orders=[])
    all_off = (0, 1, 2, 3)
    assert decide(memory, sights(NOW + 59, off=all_off), now=NOW + 59.5).commands == ()
    first = decide(memory, sights(NOW + 60, off=all_off), now=NOW + 60.5)
    assert [one.machine.id for one in first.commands] == ["m3", "m1"]
    later = decide(first.memory, sights(NOW + 79, off=(0, 2)), now=NOW + 79.5)
    assert (later.commands, set(later.memory.ours)) == ((), {"m0"})
    last = decide(later.memory, sights(NOW + 81, off=(0, 2)), now=NOW + 81.5)
    assert [one.machine.id for one in last.commands] == ["m0"]


@pytest.mark.parametrize(("safe", "repaused"), [(Safe.HOLD, []), (Safe.CURTAIL, ["m1"])])
def test_alone_a_machine_stays_as_its_contract_says(safe: Safe, repaused: list[str]) -> None:
    roster = [replace(one, safe=safe, safe_s=600) for one in MACHINES]
    memory = with_lease(roster=roster, off=[0, 1], orders=[])
    waits = decide(memory, sights(NOW + 600, off=(0,)), now=NOW + 601)
    assert [one.machine.id for one in waits.commands] == repaused
    over = decide(memory, sights(NOW + 660, off=(0,)), now=NOW + 661)
    assert [(one.machine.id, one.verb) for one in over.commands] == [("m0", Verb.RESUME)]


def test_alone_a_machine_that_was_told_to_run_is_not_paused_again() -> None:
    roster = [replace(one, safe=Safe.CURTAIL, safe_s=600) for one in MACHINES]
    orders = [[2, 0, "resume", SERVER, SERVER + 10_000]]
    told = decide(with_lease(roster=roster, off=[0], orders=orders), sights(NOW, off=(0,)), now=NOW + 1)
    assert [one.verb for one in told.commands] == [Verb.RESUME]
    alone = decide(told.memory, sights(NOW + 70), now=NOW + 71)
    assert (alone.commands, alone.memory.ours) == ((), {})


def test_under_the_kill_switch_nothing_is_done_also_after_the_lease() -> None:
    memory = with_lease(off=[0], frozen=True)
    for now in (NOW + 1, NOW + 1000):
        assert decide(memory, sights(now, off=(0,)), now=now + 1).commands == ()
    memory.thawed = memory.counter
    assert len(decide(memory, sights(NOW + 1000, off=(0,)), now=NOW + 1001).commands) == 1


def test_an_orphan_is_brought_back() -> None:
    memory = with_lease(with_lease(off=[0], orders=[]), off=[], orders=[], counter=6)
    decision = decide(memory, sights(NOW, off=(0,)), now=NOW + 1)
    assert [(one.machine.id, one.verb, one.order) for one in decision.commands] == [("m0", Verb.RESUME, None)]
    assert invariants.broken(decision.commands, memory, sights(NOW, off=(0,)), now=NOW + 1) == []


def test_a_machine_the_lease_names_no_more_is_let_alone() -> None:
    memory = with_lease(with_lease(off=[0], orders=[]), roster=MACHINES[1:], off=[], orders=[], counter=6)
    assert memory.ours == {}


def test_what_is_drawn_afterwards_is_told_as_well() -> None:
    first = decide(with_lease(), {"m0": Sight(NOW, True, False, 3400)}, now=NOW + 1)
    note(first.memory, first.commands[0], outcome="accepted", detail="ok", sent=True)
    once = heard(first.memory, [1], now=NOW + 2)
    assert once.results[1].after_w is None
    again = decide(once, {"m0": Sight(NOW + 5, False, True, 15)}, now=NOW + 6).memory
    assert (again.results[1].before_w, again.results[1].after_w) == (3400, 15)
    assert heard(again, [1], now=NOW + 7).results == {}


def test_the_independent_check_finds_what_must_not_be() -> None:
    memory = with_lease(off=[0], orders=[])
    over, seen = NOW + 61, sights(NOW + 60, off=(0, 1))
    good = decide(memory, seen, now=over).commands
    assert len(good) == 1
    assert invariants.broken(good, memory, seen, now=over) == []

    def found(commands: Any, before: Memory = memory, what: Any = seen, now: float = over) -> str:
        return "; ".join(invariants.broken(commands, before, what, now=now))

    assert "I3" in found((*good, *good))
    assert "I5" in found([replace(good[0], machine=MACHINES[1])])
    assert "I1" in found([replace(good[0], machine=replace(MACHINES[0], address="10.0.0.9"))])
    assert "I1" in found([replace(good[0], verb=Verb.PAUSE)])
    assert "I1" in found([replace(good[0], order=77)])
    assert "I1" in found(good, now=NOW + 30)
    assert "I7" in found(good, what=sights(NOW + 60, off=(0,), chip_c=71.0))
    assert "I8" in found(good, what=sights(NOW - 60, off=(0,)))
    assert "I10" in found(good, with_lease(off=[0], frozen=True))
    small = with_lease(off=[0], orders=[], ramp={"up_w": 999, "group_up_w": 2000, "down_w": 0})
    assert "I4" in found(good, small)
    held = with_lease(off=[0], orders=[], roster=[replace(MACHINES[0], safe=Safe.HOLD, safe_s=100)])
    assert "too early" in found([replace(good[0], machine=held.lease.machines["m0"])], held)  # type: ignore[union-attr]
    late = with_lease()
    order = decide(late, sights(NOW), now=NOW + 1).commands
    assert "I2" in found(order, late, sights(NOW + 19), NOW + 20)


# --- what is remembered -----------------------------------------------------------------------------------------------
class Clocks:
    boot = NOW
    wall = 1_000_000.0


def file_at(folder: Path, boot: str = "b") -> LeaseFile:
    return LeaseFile(folder, clock=lambda: Clocks.boot, wall=lambda: Clocks.wall, boot=boot)


@pytest.fixture(autouse=True)
def _clocks() -> None:
    Clocks.boot, Clocks.wall = NOW, 1_000_000.0


def test_a_restart_remembers_all_of_it(tmp_path: Path) -> None:
    memory = decide(with_lease(), sights(NOW), now=NOW + 1).memory
    file_at(tmp_path).keep(memory)
    found, wrong = file_at(tmp_path).load()
    assert wrong == []
    assert found.results[1].outcome == "unknown", "it was on its way when the collector ended"
    found.results[1].outcome, found.results[1].detail, found.lease = "open", "", memory.lease
    assert found == memory
    assert (tmp_path / SLOTS[0]).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("cut", ["half", "empty", "flipped", "gone"])
def test_a_file_that_is_not_whole_leaves_the_other_one(tmp_path: Path, cut: str) -> None:
    file = file_at(tmp_path)
    for counter in (5, 6):
        file.keep(with_lease(counter=counter))
    newest = tmp_path / SLOTS[1]
    raw = newest.read_bytes()
    if cut == "gone":
        newest.unlink()
    else:
        newest.write_bytes({"half": raw[: len(raw) // 2], "empty": b"", "flipped": raw[:-40] + b"x" + raw[-39:]}[cut])
    found, wrong = file_at(tmp_path).load()
    assert (found.counter, len(wrong)) == (5, 0 if cut == "gone" else 1)
    assert file_at(tmp_path).load()[0].counter == 5


@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
def test_a_kill_at_any_step_of_a_write_leaves_what_was_there(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_at(tmp_path)
    for counter in (5, 6):
        file.keep(with_lease(counter=counter))

    def die(*_args: Any, **_kwargs: Any) -> Any:
        raise KeyboardInterrupt

    place = {"open": "os.open", "write": "os.fdopen", "fsync": "os.fsync", "replace": "pathlib.Path.replace"}[step]
    monkeypatch.setattr(place, die)
    with pytest.raises(KeyboardInterrupt):
        file.keep(with_lease(counter=7))
    monkeypatch.undo()
    found, wrong = file_at(tmp_path).load()
    assert (found.counter, wrong) == (6, [])
    file_at(tmp_path).keep(with_lease(counter=8))


@pytest.mark.parametrize("set_by", [-30 * 86_400.0, 0.0, 30 * 86_400.0])
def test_no_setting_of_the_clock_prolongs_a_lease(tmp_path: Path, set_by: float) -> None:
    file_at(tmp_path).keep(with_lease())
    Clocks.boot, Clocks.wall = NOW + 30, Clocks.wall + set_by
    assert file_at(tmp_path).load()[0].ends_at == NOW + 60
    Clocks.boot = 5.0  # started anew: nobody knows for how long it was off
    assert file_at(tmp_path, boot="c").load()[0].ends_at <= 5.0


def test_after_a_power_cut_what_was_waited_counts_on(tmp_path: Path) -> None:
    memory = with_lease()
    Clocks.boot = NOW + 60 + 500
    file_at(tmp_path).keep(memory)
    Clocks.boot, Clocks.wall = 20.0, Clocks.wall + 100
    assert file_at(tmp_path, boot="c").load()[0].ends_at == 20.0 - 500 - 100
    Clocks.wall -= 10_000
    assert file_at(tmp_path, boot="c").load()[0].ends_at == 20.0 - 500


def test_canonical_json_has_one_spelling() -> None:
    assert canonical({"b": 1, "a": ["ä", 1.5]}) == b'{"a":["\\u00e4",1.5],"b":1}'
    assert json.loads(canonical({"b": 1})) == {"b": 1}
    with pytest.raises(ValueError, match="Out of range"):
        canonical(float("nan"))
