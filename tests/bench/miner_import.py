"""A file of 20,000 machines: its dry run and its entering, as CSV and as XLSX, against the 40 s that were promised.

A database of its own, made anew; every file goes through the whole way (reading, looking up, rooms, histories, log,
events, audit), as the worker goes it.
"""

import io
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

from tests.bench._database import fresh_copy

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "bench_miner_import"
MACHINES, SITES, ZONES = 20_000, 4, 5
PROMISED_S = 40.0
HEAD = ["Serial number", "Maker", "Model", "Site", "Zone", "Rack", "Slot", "Customer", "IP", "Port", "MAC",
        "Purchase date", "Warranty", "Owner since", "Note"]  # fmt: skip


def main() -> int:
    """Make the database as its owner, then measure in a process of its own as the application."""

    environment = fresh_copy(DATABASE)
    subprocess.run([sys.executable, "-m", "tests.bench.miner_import", "measure"], env=environment, cwd=ROOT, check=True)
    return 0


def rows_of(prefix: str, first_rack: int) -> list[list[Any]]:
    """Machines in racks of 20 slots, a site for each fourth of them, half of them a customer's."""
    found: list[list[Any]] = [HEAD]
    for number in range(MACHINES):
        site, zone = number % SITES, number // SITES % ZONES
        place = number // (SITES * ZONES)
        rack, slot = first_rack + place // 20, place % 20 + 1
        customer = f"Customer {number % 40}" if number % 2 else ""
        address = f"10.{first_rack % 200 + site}.{number // 250 % 250}.{number % 250 + 1}"
        mac = f"02:{first_rack % 256:02X}:{number >> 16 & 255:02X}:{number >> 8 & 255:02X}:{number & 255:02X}:01"
        where = [f"Site {site}", f"Hall {zone}", f"R{rack}", slot]
        days = ["2026-10-01", "01.10.2027", "2026-11-01" if customer else ""]
        machine = [f"{prefix}{number:07d}", "Bitmain", "Antminer S21"]
        found.append([*machine, *where, customer, address, 4028, mac, *days, "pallet 7"])
    return found


def as_csv(rows: list[list[Any]]) -> bytes:
    """The file as a spreadsheet saves it."""
    return "\n".join(",".join(map(str, row)) for row in rows).encode()


def as_xlsx(rows: list[list[Any]]) -> bytes:
    """The same as a workbook."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("farm")
    for row in rows:
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def measure() -> int:
    """Both files, one after the other, into the same fleet."""
    django.setup()
    from accounts.models import User
    from hosting.domain.miner_import import steps
    from hosting.enums import ImportState
    from hosting.models import Miner, MinerModel, Rack
    from tests import factories

    now = datetime.now(UTC)
    root = User.objects.create_user("root@example.test", None, is_staff=True, is_superuser=True)
    entity = factories.LegalEntityFactory(name="Bench Hosting GmbH")
    for number in range(40):
        factories.CustomerFactory(company_name=f"Customer {number}", legal_entity=entity)
    MinerModel.objects.create(name="Antminer S21", manufacturer="Bitmain", hashrate_ths=200, power_w=3500)
    _places(now)
    per_zone = MACHINES // SITES // ZONES // 20
    results: list[dict[str, Any]] = []
    for kind, make, first in (("csv", as_csv, 0), ("xlsx", as_xlsx, per_zone)):
        content = make(rows_of(kind.upper(), first))
        started = time.perf_counter()
        kept = steps.receive(content, name=f"farm.{kind}", by=root, at=now)
        received = time.perf_counter()
        kept = steps.check(kept, at=now)
        checked = time.perf_counter()
        if kept.state != ImportState.CHECKED:
            raise RuntimeError(kept.problems[:5])
        steps.confirm(kept, sha256=kept.sha256, by=root, at=now)
        confirmed = time.perf_counter()
        kept = steps.carry_out(kept.reload(), at=now)
        entered = time.perf_counter()
        if kept.state != ImportState.DONE:
            raise RuntimeError(kept.problems[:5])
        for name, taken in (
            ("upload", received - started), ("dry run", checked - received), ("entering", entered - confirmed),
        ):  # fmt: skip
            results.append(_result(f"{name} of {MACHINES:,} machines from {kind.upper()}", taken))
            sys.stdout.write(f"{results[-1]['name']}: {taken:.1f} s\n")
            sys.stdout.flush()
    assert (Miner.objects.count(), Rack.objects.count()) == (2 * MACHINES, 2 * MACHINES // 20)
    _report(sorted(results, key=lambda row: "dry run" not in row["name"]))
    return 0


def _places(now: datetime) -> None:
    from hosting.domain import places
    from hosting.models import Rack

    racks = 2 * MACHINES // SITES // ZONES // 20
    for number in range(SITES):
        site = places.create_site(name=f"Site {number}", capacity_kw=Decimal(40_000), time_zone="UTC", at=now)
        for hall in range(ZONES):
            zone = places.create_zone(site=site, name=f"Hall {hall}", capacity_kw=Decimal(8_000), at=now)
            Rack.objects.bulk_create([Rack(zone=zone, name=f"R{rack}", slots=20) for rack in range(racks)])


def _result(name: str, taken: float) -> dict[str, Any]:
    return {"name": name, "value": round(taken, 2), "unit": "s", "limit": PROMISED_S,
            "ratio": round(taken / PROMISED_S, 3)}  # fmt: skip


def _report(rows: list[dict[str, Any]]) -> None:
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    (folder / "miner_import.json").write_text(json.dumps({"bench": "miner_import", "results": rows}, indent=2) + "\n")
    for row in rows:
        sys.stdout.write(
            f"{row['name']:<45} {row['value']:>8.2f} s  limit {row['limit']:>6.1f}  ratio {row['ratio']}\n"
        )


if __name__ == "__main__":
    sys.exit(measure() if sys.argv[1:2] == ["measure"] else main())
