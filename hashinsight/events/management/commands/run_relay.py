"""Hand events on until told to stop."""

import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hashinsight.events.consumers import Lane, consumers_of
from hashinsight.events.relay import Relay


class Command(BaseCommand):
    """``manage.py run_relay``: one process or several; SIGTERM finishes the batch under way and ends."""

    help = "Hands the events of the outbox to their consumers."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which lane, and whether to stay."""
        parser.add_argument("--sinks", action="store_true", help="hand events to outside systems (Kafka) instead")
        parser.add_argument("--once", action="store_true", help="stop when nothing is due any more")

    def handle(self, *args: Any, sinks: bool = False, once: bool = False, **options: Any) -> None:
        """Run; says at the end how many events went through."""
        relay = Relay(Lane.SINK if sinks else Lane.INNER)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: relay.stop())
        groups = ", ".join(one.group for one in consumers_of(relay.lane)) or "nobody"
        self.stdout.write(f"handing events to: {groups}")
        self.stdout.flush()
        total = relay.run(until_empty=once)
        self.stdout.write(f"events handed on: {total}")
