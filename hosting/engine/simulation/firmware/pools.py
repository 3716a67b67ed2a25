"""Pools: three of them, of which the first is in use."""

from typing import Any

from hosting.engine.simulation.visit import Visit

URLS = tuple(f"stratum+tcp://pool{number}.example.net:3333" for number in (1, 2, 3))


def rows(visit: Visit) -> tuple[dict[str, Any], ...]:
    """Rows of ``pools`` in cgminer's order."""
    return tuple(_row(visit, number, url) for number, url in enumerate(URLS))


def short_difficulty(difficulty: int) -> str:
    """``262K``."""
    return f"{difficulty // 1000}K" if difficulty >= 1000 else str(difficulty)


def _row(visit: Visit, number: int, url: str) -> dict[str, Any]:
    reading, difficulty = visit.reading, visit.machine.kind.difficulty
    used = number == 0
    accepted, rejected = (reading.accepted, reading.rejected) if used else (0, 0)
    busy = used and reading.hashing
    return {
        "POOL": number,
        "URL": url,
        "Status": "Alive",
        "Priority": number,
        "Quota": 1,
        "Long Poll": "N",
        "Getworks": reading.elapsed_s // 30 if used else 3,
        "Accepted": accepted,
        "Rejected": rejected,
        "Discarded": reading.elapsed_s * 9 if used else 0,
        "Stale": 0,
        "Get Failures": 0,
        "Remote Failures": 0,
        "User": visit.worker,
        "Last Share Time": visit.when if used else 0,
        "Diff1 Shares": accepted * difficulty,
        "Proxy Type": "",
        "Proxy": "",
        "Difficulty Accepted": float(accepted * difficulty),
        "Difficulty Rejected": float(rejected * difficulty),
        "Difficulty Stale": 0.0,
        "Last Share Difficulty": float(difficulty) if used else 0.0,
        "Has Stratum": True,
        "Stratum Active": busy,
        "Stratum URL": url.split("://")[1].split(":")[0] if busy else "",
        "Stratum Difficulty": float(difficulty) if busy else 0.0,
        "Has GBT": False,
        "Best Share": reading.best_share if used else 0,
        "Pool Rejected%": round(100.0 * rejected / max(accepted + rejected, 1), 4),
        "Pool Stale%": 0.0,
    }
