"""What a device remembers of limits: through kills and power cuts, and beside older collectors."""

import json
from pathlib import Path

from hosting.clients.lease_file import SLOTS, LeaseFile
from hosting.engine.leasing.document import Safe, Verb
from hosting.engine.leasing.keeping import decide, note
from hosting.engine.leasing.memory import from_json
from tests.hosting.engine.test_leasing import NOW, with_lease
from tests.hosting.engine.test_levels import LOW, OWN, act, lease, levels, limit, limited, sights, told


class Clocks:
    boot = NOW


def file_at(folder: Path, boot: str = "b") -> LeaseFile:
    return LeaseFile(folder, clock=lambda: Clocks.boot, wall=lambda: 1_000_000.0, boot=boot)


def test_a_kill_between_keeping_and_sending_forgets_nothing(tmp_path: Path) -> None:
    Clocks.boot = NOW
    memory = limited()
    file_at(tmp_path).keep(memory)  # and here it dies: nobody knows whether the order left
    found = file_at(tmp_path).load()[0]
    assert found.low == memory.low
    assert found.results[7].outcome == "unknown"
    found.lease = memory.lease
    for at_own in (LOW, OWN):
        after = act(found, sights(NOW + 60, {0: at_own}), NOW + 61)
        assert [one[:3] for one in told(after)] == [("m0", Verb.LIFT, OWN)][: at_own == LOW]


def test_a_power_cut_forgets_nothing_and_waits_for_no_clock(tmp_path: Path) -> None:
    Clocks.boot = NOW
    memory = limited(Safe.HOLD, 600)
    note(memory, decide(lease(levels=levels([limit()])), sights(NOW), now=NOW + 1).commands[0], outcome="accepted",
         detail="", sent=True)  # fmt: skip
    memory = act(memory, sights(NOW + 300, {0: LOW}), NOW + 301).memory
    Clocks.boot = NOW + 301
    file_at(tmp_path).keep(memory)
    Clocks.boot = 12.0  # started anew
    found = file_at(tmp_path, boot="c").load()[0]
    found.lease = memory.lease
    assert (found.low["m0"].before_w, found.low["m0"].limit_w) == (OWN, LOW)
    assert found.low["m0"].told_at <= 12.0
    assert told(act(found, sights(13.0, {0: LOW}), 14.0)) == []
    assert told(act(found, sights(12.0 + 360, {0: LOW}), 12.0 + 361)) == [("m0", Verb.LIFT, OWN, None)]


def test_an_older_collector_reads_the_file_and_a_newer_one_an_older_file(tmp_path: Path) -> None:
    """It knows the parts it asks for and no others; limits stand in a part of their own."""
    Clocks.boot = NOW
    both = act(with_lease(limited(), off=[0], counter=6), sights(NOW + 2, {0: LOW}), NOW + 3).memory
    file_at(tmp_path).keep(both)
    kept = json.loads(json.loads((tmp_path / SLOTS[0]).read_bytes())["body"])
    assert set(kept) == {
        "counter", "thawed", "sealed", "ends_at", "offset_ms", "ours", "handled", "results", "spent", "boot", "now",
        "wall", "low",
    }  # fmt: skip
    assert set(kept["ours"]["m0"]) == {"paused_at", "told_at", "resumed", "tries", "next_at", "calm", "seen_at"}
    del kept["low"]
    older = from_json(kept, boot="b", now=NOW, wall=0.0)
    assert (set(older.ours), older.low) == ({"m0"}, {})
