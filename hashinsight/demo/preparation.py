"""What must have happened before the product serves: schema, roles, schedules, static files; quick when it has."""

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.domain.roles import sync_roles
from crm.domain.ledger.backfill import backfill
from hashinsight.common.migrating import one_class_at_a_time
from hashinsight.jobs.domain.retention import seed_policies
from hashinsight.jobs.schedule import seed_schedules
from hosting.domain.catalogue import sync_catalogue
from hosting.domain.shipped_rules import seed_alert_rules
from hosting.engine.catalogue import read_catalogue
from marketdata.domain.coins import sync_coins

Say = Callable[[str], None]
STAMP = ".collected"


def prepare_database(say: Say) -> None:
    """Roles of the wall, then the migrations that are missing."""
    call_command("setup_database")
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        say(f"Migrating the database ({len(plan)} migrations)")
        empty = not executor.loader.applied_migrations
        with one_class_at_a_time() if empty else nullcontext():
            call_command("migrate", interactive=False, skip_checks=True)


def prepare_rows(say: Say) -> None:
    """Rows every installation has: staff roles, books, models of machines, alert rules, schedules, retention."""
    changed = sync_roles()
    if changed:
        say(f"Roles brought up to date: {', '.join(changed)}")
    now = timezone.now()
    booked = backfill(on=now.date(), at=now)
    if booked:
        say(f"Documents from before there were books were booked: {booked} entries")
    added = sync_catalogue(read_catalogue(), at=now)
    if added:
        say(f"Models of machines added to the catalogue: {added}")
    coins = sync_coins(at=now)
    if coins:
        say(f"Coins added: {coins}")
    rules = seed_alert_rules(at=now)
    if rules:
        say(f"Alert rules for machines added: {rules}")
    seeded = seed_schedules()
    if seeded:
        say(f"Schedules added: {seeded}")
    policies = seed_policies()
    if policies:
        say(f"Retention policies added: {policies}")


def prepare_static_files(say: Say) -> None:
    """Collect static files again when one of them changed; nothing to do where they are served from the packages."""
    if getattr(settings, "WHITENOISE_USE_FINDERS", False):
        return
    stamp = Path(settings.STATIC_ROOT) / STAMP
    wanted = static_fingerprint()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    say("Collecting static files")
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0, skip_checks=True)
    stamp.write_text(wanted, encoding="ascii")


def static_fingerprint() -> str:
    """Changes whenever a static file, or the way they are stored, changes."""
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]).encode())
    for finder in get_finders():
        for name, storage in finder.list(["CVS", ".*", "*~"]):
            info = Path(storage.path(name)).stat()
            digest.update(f"{name}:{info.st_size}:{info.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
