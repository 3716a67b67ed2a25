"""Antminers with Bitmain's firmware (bmminer, before 2020 and after) and with what answers like it (Vnish, Hiveon).

``stats`` has one flat row with numbered columns, one number per chain (hash board). Rates of chains are texts, in the
unit ``rate_unit`` names; before there was that column, in GH/s, but in MH/s on the scrypt machines (L3), although the
columns are called GHS there as well.
"""

import re

from hosting.engine.machines import bounds
from hosting.engine.machines.cgminer import Row
from hosting.engine.machines.common import (
    Replies,
    mining_if_hashing,
    read_pools,
    read_shares,
    read_windows,
    reply,
    rpm,
    say,
    start,
    version_row,
)
from hosting.engine.machines.draft import Draft, highest, total
from hosting.engine.machines.reading import Algorithm, BoardReading, PowerSource, Reading

MOST_CHAINS = 16
_SCRYPT = re.compile(r"antminer\s+l\d", re.IGNORECASE)
_SHA256 = re.compile(r"antminer\s+[str]\d", re.IGNORECASE)
_OTHER_FIRMWARE = re.compile(r"\(?\b(vnish|hiveon)\b\s*v?([\w.\-]*)\)?", re.IGNORECASE)


def read_antminer(replies: Replies) -> Reading:
    """A reading of ``version``, ``summary``, ``stats`` and ``pools``."""
    draft = start("antminer", replies)
    rows = reply(replies, "stats").rows("STATS")
    head, stats = (rows[0] if rows else {}), (rows[1] if len(rows) > 1 else {})
    _identity(draft, version_row(replies) or head, head)
    unit = _unit(stats, draft.values.get("algorithm"))
    summary = reply(replies, "summary").first("SUMMARY")
    read_windows(draft, summary or stats, unit=unit)
    read_shares(draft, summary or stats)
    if draft.values.get("hardware_errors") is None:
        say(draft, hardware_errors=draft.whole("hardware_errors", stats.get("no_matching_work")))
    say(
        draft,
        hashrate_expected_ths=draft.hashrate("hashrate_expected_ths", stats.get("total_rateideal"), unit),
        fans_rpm=_fans(draft, stats),
        boards=_boards(draft, stats, unit),
    )
    boards = draft.values["boards"]
    say(
        draft,
        chip_temp_max_c=highest(board.chip_temp_max_c for board in boards),
        board_temp_max_c=highest(board.board_temp_c for board in boards),
    )
    _power(draft, stats)
    read_pools(draft, reply(replies, "pools"))
    mining_if_hashing(draft)
    return draft.done()


def _identity(draft: Draft, version: Row, head: Row) -> None:
    kind = draft.text("model", version.get("Type") or head.get("Type")) or ""
    other = _OTHER_FIRMWARE.search(kind)
    model = _OTHER_FIRMWARE.sub("", kind).strip() or None
    say(
        draft,
        make="Antminer",
        model=model,
        firmware=other.group(1).capitalize() if other else "Stock",
        firmware_version=(other and other.group(2)) or draft.text("firmware_version", version.get("Miner")),
        algorithm=_algorithm(kind),
    )


def _algorithm(kind: str) -> Algorithm | None:
    if _SCRYPT.search(kind):
        return Algorithm.SCRYPT
    return Algorithm.SHA256 if _SHA256.search(kind) else None


def _unit(stats: Row, algorithm: Algorithm | None) -> str:
    named = stats.get("rate_unit")
    if isinstance(named, str) and named.strip():
        return named.strip()
    return "MH" if algorithm is Algorithm.SCRYPT else "GH"


def _fans(draft: Draft, stats: Row) -> tuple[float | None, ...]:
    """Old firmware lists places without a fan as zero; ``fan_num`` says how many fans there are."""
    speeds = rpm(draft, (stats[f"fan{at}"] for at in range(1, 9) if f"fan{at}" in stats))
    count = draft.whole("fans_rpm", stats.get("fan_num"), bounds.SLOT)
    turning = tuple(speed for speed in speeds if speed != 0)
    if count is None or len(speeds) <= count:
        return speeds
    return turning if len(turning) >= count else turning + (0.0,) * (count - len(turning))


def _boards(draft: Draft, stats: Row, unit: str) -> tuple[BoardReading, ...]:
    return tuple(_board(draft, stats, at, unit) for at in range(1, MOST_CHAINS + 1) if _is_there(stats, at))


def _is_there(stats: Row, at: int) -> bool:
    return stats.get(f"chain_acn{at}") not in (None, 0, "0", "") or stats.get(f"chain_rate{at}") not in (
        None, "", "0", "0.00", 0,
    )  # fmt: skip


def _board(draft: Draft, stats: Row, at: int, unit: str) -> BoardReading:
    chips = _sensors(draft, "chip_temp_max_c", stats.get(f"temp_chip{at}", stats.get(f"temp2_{at}")))
    board = _sensors(draft, "board_temp_c", stats.get(f"temp_pcb{at}", stats.get(f"temp{at}")))
    return BoardReading(
        slot=at,
        hashrate_ths=draft.hashrate("boards.hashrate_ths", stats.get(f"chain_rate{at}"), unit),
        chip_temp_max_c=highest(chips),
        board_temp_c=highest(board),
        chips=draft.whole("boards.chips", stats.get(f"chain_acn{at}"), bounds.CHIPS),
        hardware_errors=draft.whole("boards.hardware_errors", stats.get(f"chain_hw{at}")),
    )


def _sensors(draft: Draft, field: str, value: object) -> list[float | None]:
    """``78-50-69-70``: four sensors; a number alone is one."""
    parts = re.split(r"(?<=\d)-", value) if isinstance(value, str) and len(value) < 200 else [value]
    return [draft.temperature(f"boards.{field}", part) for part in parts[:16]]


def _power(draft: Draft, stats: Row) -> None:
    """Bitmain's firmware says nothing of power; Vnish and some others do, per chain or in one."""
    whole = draft.number("power_w", stats.get("chain_power"), bounds.POWER_W)
    if whole is None:
        columns = [stats[f"chain_consumption{at}"] for at in range(1, 17) if stats.get(f"chain_consumption{at}")]
        whole = total(draft.number("power_w", value, bounds.POWER_W) for value in columns)
    if whole is not None:
        say(draft, power_w=whole, power_source=PowerSource.ESTIMATED)
