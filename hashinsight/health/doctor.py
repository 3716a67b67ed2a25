"""Questions to a set-up that is about to serve, each with what to do when the answer is wrong."""

import os
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.core.checks import ERROR, WARNING, run_checks
from django.core.mail import get_connection
from django.db import connection
from django.utils import timezone

from hashinsight.health import checks as health
from hashinsight.health.checks import Unwell

CLOCK_SECONDS = 5
KNOWN_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")


@dataclass(frozen=True)
class Question:
    """``look`` raises Unwell with what is wrong; ``advice`` says what to do then."""

    name: str
    look: Callable[[], None]
    advice: str


def look_at_clock() -> None:
    """This machine and the database agree on the time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        skew = abs((cursor.fetchone()[0] - timezone.now()).total_seconds())
    if skew > CLOCK_SECONDS:
        raise Unwell(f"this machine and the database differ by {skew:.0f} s")


def look_at_zones() -> None:
    """The time zone data are there."""
    for name in (*KNOWN_ZONES, settings.MAINTENANCE_ZONE):
        try:
            ZoneInfo(name)
        except ZoneInfoNotFoundError:
            raise Unwell(f"the time zone {name} is not known") from None


def look_at_files() -> None:
    """The folder of documents can be written."""
    folder = Path(settings.VAR_DIR)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise Unwell(f"{folder} is no folder this process may write to")


def look_at_mail() -> None:
    """The mail server answers and lets us in; nothing is sent."""
    line = get_connection()
    try:
        line.open()
    except (OSError, smtplib.SMTPException) as error:
        raise Unwell(f"the mail server refuses: {type(error).__name__}") from None
    finally:
        line.close()


def look_at_settings() -> None:
    """Django's own checks, and ours, those of the database included."""
    found = [one for one in run_checks(databases=["default"]) if one.level >= WARNING and not one.is_silenced()]
    if found:
        worst = sorted(found, key=lambda one: -one.level)
        kind = "error" if worst[0].level >= ERROR else "warning"
        hint = f" ({worst[0].hint})" if worst[0].hint else ""
        raise Unwell(f"{len(found)} found; first {kind} {worst[0].id}: {worst[0].msg}{hint}")


SETUP = [
    Question("settings", look_at_settings, "Run manage.py check --database default and follow the hints."),
    Question("database", health.check_database, "Is PostgreSQL up, and does DATABASE_URL name it?"),
    Question("migrations", health.check_migrations, "Run manage.py migrate with the login that owns the tables."),
    Question("clock", look_at_clock, "Let both machines follow a time server (chrony, systemd-timesyncd)."),
    Question("time zones", look_at_zones, "Install the system's tzdata, or the Python package tzdata."),
    Question("cache", health.check_cache, "Is the server in CACHE_URL up?"),
    Question("broker", health.check_broker, "Is the server in CELERY_BROKER_URL up, and may this login in?"),
    Question("mail", look_at_mail, "Check EMAIL_URL: host, port, user, password, TLS."),
    Question("files", look_at_files, "Create the folder in HASHINSIGHT_VAR and give it to the product's user."),
    Question("disk", health.check_disk, "Make room, or let the retention policies keep less."),
]
RUNNING = [
    Question(
        "workers", health.check_workers, "Start celery worker for the queues interactive, default, collection and bulk."
    ),
    Question("beat", health.check_beat, "Start celery beat; a second one may wait beside it."),
    Question("jobs", health.check_jobs, "See the jobs page: which is late, and what its last error was."),
    Question("relay", health.check_relay, "Start manage.py run_relay."),
    Question("queues", health.check_queues, "Start more workers, or see what the due work fails at."),
]
