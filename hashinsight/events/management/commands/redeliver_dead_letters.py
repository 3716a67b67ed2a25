"""Send dead letters again from the command line."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from hashinsight.common.errors import DomainError
from hashinsight.events.domain.replaying import redeliver
from hashinsight.events.models import DeadLetter


class Command(BaseCommand):
    """``manage.py redeliver_dead_letters --group crm.activity_feed --reason "…"``."""

    help = "Sends open dead letters of a consumer group again, oldest first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which, why."""
        parser.add_argument("--group", required=True)
        parser.add_argument("--kind", default="")
        parser.add_argument("--event-id", type=UUID)
        parser.add_argument("--most", type=int, default=1000)
        parser.add_argument("--reason", required=True, help="kept in the history")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call per letter; a refusal is told and stops nothing else."""
        letters = DeadLetter.objects.filter(consumer_group=options["group"], replayed_at=None)
        if options["kind"]:
            letters = letters.filter(kind=options["kind"])
        if options["event_id"]:
            letters = letters.filter(event_id=options["event_id"])
        sent = refused = 0
        for letter in letters.order_by("failed_at", "id")[: options["most"]]:
            try:
                redeliver(letter, by="system", at=timezone.now(), reason=options["reason"][:200])
                sent += 1
            except DomainError as refusal:
                refused += 1
                self.stderr.write(str(refusal))
        self.stdout.write(f"dead letters sent again: {sent}")
        if refused:
            raise CommandError(f"refused: {refused}")
