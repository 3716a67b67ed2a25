"""A changelist and API pages over 100,000 invoices, against the same pages over 1,000.

Two databases, one process each; the requests alternate between them, so that both meet the same moments of the
machine. The limit is the p95 over 1,000 rows. Rows are written by SQL with the guards off: only reading is measured.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import django

from tests.bench import _fleet
from tests.bench._database import with_database
from tests.support import children

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"small": 1_000, "large": 100_000}
WARM_UP, ROUNDS = 15, 120
PAGES = {
    "admin changelist": "/admin/crm/invoice/",
    "admin changelist, overdue, newest due first": "/admin/crm/invoice/?status__exact=overdue",
    "admin start page": "/admin/",
    "API page, staff key": "staff /api/v1/invoices/",
    "API page, client key": "client /api/v1/invoices/",
    "API page, client key, filtered": "client /api/v1/invoices/?status=paid",
}
GUARDED = ("crm_customer", "crm_deal", "crm_invoice", "crm_invoiceline", "crm_payment")
CUSTOMERS = """
INSERT INTO crm_customer (public_id, created_at, updated_at, version, code, company_name, email, billing_email,
    contact_name, phone, street, postal_code, city, region, country, tax_id, vat_id, buyer_reference, sector, status,
    currency, time_zone, language, is_sample, internal_note)
SELECT gen_random_uuid(), now(), now(), 1, 'C' || n, 'Customer ' || n, 'c' || n || '@example.test', '', '', '', '', '',
    '', '', 'DE', '', '', '', '', 'active', 'EUR', 'UTC', 'en', false, ''
  FROM generate_series(1, 300) n;
"""
FILL = """
INSERT INTO crm_deal (public_id, created_at, updated_at, version, customer_id, title, stage, status, value, currency,
    from_conversion, cancel_reason, is_sample, internal_note, actual_close_on, completed_at)
SELECT gen_random_uuid(), now() - n * interval '7 minutes', now(), 1, 1 + n %% 300, 'Deal ' || n, 'closed_won',
    'completed', 100, 'EUR', false, '', false, '', current_date, now()
  FROM generate_series(1, %(size)s) n;
INSERT INTO crm_invoice (public_id, created_at, updated_at, version, customer_id, deal_id, legal_entity_id, kind,
    status, reference, number, currency, language, net_total, tax_total, gross_total, payment_terms_days, issued_on,
    due_on, paid_on, seller, buyer, buyer_reference, note, cancel_reason, is_sample)
SELECT gen_random_uuid(), d.created_at, now(), 1, d.customer_id, d.id, (SELECT min(id) FROM crm_legalentity), 'deal',
    CASE WHEN d.id %% 20 = 0 THEN 'overdue' WHEN d.id %% 20 = 1 THEN 'sent' ELSE 'paid' END, 'D-' || d.id,
    'INV-' || d.id, 'EUR', 'en', 100, 19, 119, 14, d.created_at::date, d.created_at::date + 14,
    CASE WHEN d.id %% 20 > 1 THEN d.created_at::date + 10 END, '{"name": "We"}', '{"name": "You"}', '', '', '', false
  FROM crm_deal d ORDER BY d.id;
INSERT INTO crm_invoiceline (public_id, created_at, updated_at, version, invoice_id, position, description, quantity,
    unit_code, unit_price, net_amount, tax_category, tax_rate, exemption_reason)
SELECT gen_random_uuid(), now(), now(), 1, i.id, p, 'Hosting', 1, 'C62', 50, 50, 'S', 19, ''
  FROM crm_invoice i, generate_series(1, 2) p;
INSERT INTO crm_payment (public_id, created_at, updated_at, version, customer_id, invoice_id, amount, currency,
    received_on, method, reference, note, is_sample)
SELECT gen_random_uuid(), now(), now(), 1, customer_id, id, 119, 'EUR', paid_on, 'bank_transfer', '', '', false
  FROM crm_invoice WHERE status = 'paid';
"""
# An index is made faster of all rows than with each of them, and a foreign key is checked so.
_LATER = """
SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid) FROM pg_index
 WHERE indrelid = 'hosting_miner'::regclass AND NOT indisunique
UNION ALL
SELECT format('ALTER TABLE hosting_miner DROP CONSTRAINT %I', conname),
       format('ALTER TABLE hosting_miner ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE conrelid = 'hosting_miner'::regclass AND contype = 'f'
"""


def main() -> int:
    """Build the databases, measure alternately, print and write ``lists.json``.

    ``fleet`` measures machines only, ``fleet again`` over the databases that were built the last time (migrated since,
    if need be), and ``fleet again WORD`` only pages with this word in their title.
    """
    if sys.argv[1:2] == ["fleet"]:
        _report(machines())
        return 0
    servers = {name: Server(name, size) for name, size in SIZES.items()}
    results = []
    try:
        for title, page in PAGES.items():
            times: dict[str, list[float]] = {name: [] for name in SIZES}
            for number in range(WARM_UP + ROUNDS):
                for name, server in servers.items():
                    taken = server.ask(page)
                    if number >= WARM_UP:
                        times[name].append(taken)
            results += _said([_row(title, times)])
    finally:
        for server in servers.values():
            server.stop()
    results += machines()
    _report(results)
    return 0


def machines() -> list[dict[str, Any]]:
    """The same for the fleet, at three sizes."""
    servers = {name: Server(name, size, kind="fleet") for name, size in _fleet.SIZES.items()}
    results = []
    try:
        for title, page in _fleet.PAGES.items():
            if "".join(sys.argv[3:4]) not in title:
                continue
            times: dict[str, list[float]] = {name: [] for name in servers}
            queries: dict[str, list[int]] = {name: [] for name in servers}
            busy: dict[str, list[float]] = {name: [] for name in servers}
            for number in range(_fleet.WARM_UP + _fleet.ROUNDS):
                first = number % len(servers)  # each size comes first, second and last in turn
                for name in [*servers, *servers][first : first + len(servers)]:
                    server = servers[name]
                    taken = server.ask(_fleet.page_of(page, number))
                    if number >= _fleet.WARM_UP:
                        times[name].append(taken)
                        queries[name].append(server.queries)
                        busy[name].append(server.busy)
            results += _said(_fleet.rows_of(title, times, queries, busy))
    finally:
        for server in servers.values():
            server.stop()
    return results


def _row(title: str, times: dict[str, list[float]]) -> dict[str, Any]:
    large, small = (quantiles(times[name], n=20)[-1] * 1000 for name in ("large", "small"))
    return {"name": f"{title}, p95", "value": round(large, 2), "unit": "ms", "limit": round(small, 2),
            "ratio": round(large / small, 3)}  # fmt: skip


def _said(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows, printed."""
    for row in rows:
        sys.stdout.write(
            f"{row['name']:<70} {row['value']:>8.2f} {row['unit']:<2}"
            f" limit {row['limit']:>8.2f}  ratio {row['ratio']:.3f}\n"
        )
    sys.stdout.flush()
    return rows


def _report(rows: list[dict[str, Any]]) -> None:
    folder = Path(os.environ.get("HASHINSIGHT_BENCH_DIR", ROOT / "var" / "bench"))
    (folder / "lists.json").write_text(json.dumps({"bench": "lists", "results": rows}, indent=2) + "\n")


class Server:
    """One process with one database, answering one request at a time."""

    queries = 0  # of the last request
    busy = 0.0  # seconds of a processor for it, of this process and of the database's

    def __init__(self, name: str, size: int, kind: str = "invoices") -> None:
        database = f"bench_lists_{name}"
        owner = os.environ.get("DATABASE_OWNER_URL", os.environ["DATABASE_URL"])
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "hashinsight.settings.test",
            "DATABASE_URL": with_database(os.environ["DATABASE_URL"], database),
        }
        as_owner = {**environment, "DATABASE_URL": with_database(owner, database), "BENCH_ADMIN_URL": owner}
        order = ["renew"] if sys.argv[2:3] == ["again"] else ["build", database, str(size), kind]
        subprocess.run([sys.executable, "-m", "tests.bench.lists", *order], env=as_owner, cwd=ROOT, check=True)
        self.process = children.start(
            [sys.executable, "-m", "tests.bench.lists", "serve"],
            env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, page: str) -> float:
        """Seconds of one request."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(page + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.startswith("ok "):
            raise RuntimeError(f"{page}: {answer}")
        seconds, queries, busy = answer[3:].split()
        self.queries, self.busy = int(queries), float(busy)
        return float(seconds)

    def stop(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


def build(database: str, size: int, kind: str) -> int:
    """A fresh database with ``size`` invoices or machines, as the owner; a copy of the bench's own empty one."""
    import psycopg

    owner = os.environ["BENCH_ADMIN_URL"]
    template = urlsplit(owner).path.strip("/")
    with psycopg.connect(with_database(owner, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
    django.setup()
    from django.db import connection as own

    _people()
    fill, guarded = (CUSTOMERS + FILL, GUARDED) if kind == "invoices" else (CUSTOMERS + _fleet.FILL, _fleet.GUARDED)
    with own.cursor() as cursor:
        switch = "; ".join(f"ALTER TABLE {table} {{0}} TRIGGER USER" for table in guarded)
        cursor.execute(switch.format("DISABLE"))
        cursor.execute(_LATER)
        later = cursor.fetchall()
        for drop, _make in later:
            cursor.execute(drop)
        cursor.execute(fill, {"size": size, "charted": _fleet.CHARTED_UP_TO})
        for _drop, make in later:
            cursor.execute(make)
        cursor.execute(switch.format("ENABLE"))
        cursor.execute("VACUUM ANALYZE")
    return 0


def renew() -> int:
    """A database that was built before gets the tables and indexes of today's code, as the owner."""
    django.setup()
    from django.core.management import call_command
    from django.db import connection as own

    call_command("migrate", verbosity=0, interactive=False)
    with own.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return 0


def _people() -> None:
    from accounts.models import User
    from tests import factories

    User.objects.create_user("staff@example.test", None, is_staff=True, is_superuser=True)
    User.objects.create_user("client@example.test", None)
    factories.LegalEntityFactory(name="Bench Hosting GmbH")


def serve() -> int:
    """Answer requests named on standard input with ``ok SECONDS QUERIES BUSY``."""
    django.setup()
    ask = _asker()
    for line in sys.stdin:
        try:
            taken, queries, busy = ask(line.strip())
            sys.stdout.write(f"ok {taken:.6f} {queries} {busy:.6f}\n")
        except Exception as error:  # noqa: BLE001  (the parent says what failed)
            sys.stdout.write(f"failed {type(error).__name__} {error}\n".replace("\n", " ") + "\n")
        sys.stdout.flush()
    return 0


def _asker() -> Callable[[str], tuple[float, int, float]]:
    from datetime import UTC, datetime

    from django.db import connection
    from django.test import Client

    from accounts.domain.keys import create_key, scopes_for
    from accounts.enums import SCOPES
    from accounts.models import User
    from crm.domain.memberships import grant_membership
    from crm.models import Customer

    now = datetime.now(UTC)
    staff, client = User.objects.get(is_staff=True), User.objects.get(is_staff=False)
    for customer in Customer.objects.order_by("id")[:30]:
        grant_membership(client, customer, role="customer_viewer", by=staff)
    readable = [scope for scope in SCOPES if scope.endswith(":read")]
    keys = {"staff": create_key(staff, name="bench", scopes=readable, expires_at=None, by=staff, at=now)[1]}
    own = [scope for scope in readable if scope in scopes_for(client)]
    keys["client"] = create_key(client, name="bench", scopes=own, expires_at=None, by=staff, at=now)[1]
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.force_login(staff, backend="accounts.backends.TimeLimitedBackend")
    program = Client(SERVER_NAME="127.0.0.1")

    def busy() -> float:
        connection.ensure_connection()
        backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
        return time.process_time() + int(backend.read_text().split()[0]) / 1e9

    def ask(page: str) -> tuple[float, int, float]:
        who, _, path = page.rpartition(" ")
        headers = {"Authorization": f"Bearer {keys[who]}"} if who else {}
        asked = [0]

        def count(execute: Any, *statement: Any) -> Any:
            asked[0] += 1
            return execute(*statement)

        with connection.execute_wrapper(count):
            started, before = time.perf_counter(), busy()
            response = (program if who else browser).get(path, headers=headers)
            taken, used = time.perf_counter() - started, busy() - before
        if response.status_code != 200:
            raise RuntimeError(f"{path} answered {response.status_code}")
        return taken, asked[0], used

    return ask


if __name__ == "__main__":
    if sys.argv[1:2] == ["build"]:
        sys.exit(build(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
    if sys.argv[1:2] == ["renew"]:
        sys.exit(renew())
    sys.exit(serve() if sys.argv[1:2] == ["serve"] else main())
