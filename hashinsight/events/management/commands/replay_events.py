"""Hand events on again from the command line."""

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from hashinsight.common.errors import DomainError
from hashinsight.events.domain.replaying import Selection, events_to_replay, replay_events
from hashinsight.events.enums import ReplayMode


class Command(BaseCommand):
    """``manage.py replay_events GROUP --since 2026-11-20T00:00Z --reason "…"``."""

    help = "Has events handed to a consumer group that it has not had, or (--again) once more."

    def add_arguments(self, parser: CommandParser) -> None:
        """Group, which events, why."""
        parser.add_argument("group")
        parser.add_argument("--since", help="events written at or after this moment, with its zone")
        parser.add_argument("--until", help="events written before this moment")
        parser.add_argument("--kind", default="")
        parser.add_argument("--aggregate-type", default="")
        parser.add_argument("--aggregate-id", default="")
        parser.add_argument("--event-id", type=UUID)
        parser.add_argument("--again", action="store_true", help="also those the group has had")
        parser.add_argument("--reason", required=True, help="kept in the history")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def handle(self, *args: Any, **options: Any) -> None:
        """One domain call."""
        selection = Selection(
            since=_moment(options["since"]), until=_moment(options["until"]), kind=options["kind"],
            aggregate_type=options["aggregate_type"], aggregate_id=options["aggregate_id"],
            event_id=options["event_id"],
        )  # fmt: skip
        mode = ReplayMode.AGAIN if options["again"] else ReplayMode.MISSED
        try:
            if options["dry_run"]:
                self.stdout.write(f"events: {events_to_replay(options['group'], selection, mode).count()}")
                return
            done = replay_events(
                options["group"], selection=selection, mode=mode, reason=options["reason"][:200], by="system",
                at=timezone.now(),
            )  # fmt: skip
        except DomainError as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"events handed on again: {done.count}")


def _moment(text: str | None) -> Any:
    if not text:
        return None
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(f"{text} is no moment with a zone, such as 2026-11-20T08:00:00Z")
    return moment
