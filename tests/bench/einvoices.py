"""E-invoices of 1, 100 and 5,000 lines: written, read back and judged by us, against the official rules alone.

Ours is all that an issue waits for: the XML, its schema, reading it back, every rule of our own. The peer is the
official XSLT, compiled before, over the same bytes.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SIZES = (1, 10, 100, 5000)
GOAL_MS = 30  # for 10 lines


def main() -> int:
    """Measure, print and write ``einvoices.json``."""
    from crm.engine.en16931 import official
    from tests.crm.engine.test_en16931_writer import long_document

    results = []
    for size in SIZES:
        document = long_document(size, ("S", "Z", "E", "AE"), german=False)
        content = _written(document)
        rounds = 5 if size > 1000 else 50
        ours = _seconds(lambda document=document: _judged(_written(document)), rounds)
        alone = _seconds(lambda document=document: _written(document), rounds)
        peer = _seconds(lambda content=content: official.failures(content, official.bundled()), max(3, rounds // 10))
        results.append(
            {"name": f"{size} lines", "value": ours * 1000, "unit": "ms", "limit": peer * 1000, "write": alone * 1000,
             "bytes": len(content)}
        )  # fmt: skip
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{**row, "ratio": round(row["value"] / row["limit"], 3)} for row in results]
    (folder / "einvoices.json").write_text(json.dumps({"bench": "einvoices", "results": rows}, indent=2) + "\n")
    for row in rows:
        sys.stdout.write(
            f"{row['name']:<12} {row['value']:>9.2f} ms (XML {row['write']:.2f} ms, {row['bytes']} bytes)"
            f"  official rules {row['limit']:>9.2f} ms  ratio {row['ratio']:.3f}\n"
        )
    return 0 if results[1]["value"] <= GOAL_MS else 1


def _written(document: Any) -> bytes:
    from crm.engine.en16931.writer import write_cii

    return write_cii(document)


def _judged(content: bytes) -> None:
    from crm.engine.en16931.check import broken_rules
    from crm.engine.en16931.cii import read_cii
    from crm.engine.en16931.schema import refuse_misshapen
    from crm.engine.en16931.xml import parse

    root = parse(content)
    refuse_misshapen(root)
    if broken_rules(read_cii(root)):
        raise AssertionError("a document of the bench breaks a rule")


def _seconds(run: Callable[[], Any], rounds: int) -> float:
    """The median of some runs, after one that warms up."""
    run()
    found = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return median(found)


if __name__ == "__main__":
    sys.exit(main())
