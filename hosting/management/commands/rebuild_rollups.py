"""Reckon rollups of past days again from their readings, and with them demand and usage."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from hosting.domain import rollups


class Command(BaseCommand):
    """Marks the days; the jobs reckon them, or this command does so itself with ``--now``."""

    help = "Reckon the rollups of days (UTC) again from their readings. Days whose readings were dropped stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """First and last day, machines, and whether to wait."""
        parser.add_argument("first", type=date.fromisoformat, help="first day, as 2026-11-01")
        parser.add_argument("last", type=date.fromisoformat, help="last day, inclusive")
        parser.add_argument("--miner", type=int, action="append", metavar="ID", help="only this machine; repeatable")
        parser.add_argument("--now", action="store_true", help="reckon at once instead of leaving it to the jobs")

    def handle(self, *, first: date, last: date, miner: list[int] | None, now: bool, **options: Any) -> None:
        """Mark, and perhaps reckon."""
        at = timezone.now()
        marked = rollups.rebuild(first, last, at=at, miners=miner)
        self.stdout.write(f"{marked} times five minutes marked")
        while now and rollups.reckon_five_minutes(at=at).more:
            pass
        while now and rollups.reckon_days(at=at).more:
            pass
