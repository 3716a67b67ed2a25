"""A fleet to practise on."""

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting.engine.simulation.fleet import FleetRefused
from hosting.simulator.arguments import add_arguments, read_settings
from hosting.simulator.command import until_interrupted
from hosting.simulator.sockets import SimulatorRefused


class Command(BaseCommand):
    """``manage.py simulate_fleet --miners 20000``: touches neither database nor network outside 127.0.0.0/8."""

    help = "Simulates miners on 127.x.y.z that answer as real ones do, until Ctrl-C."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, where, which makes, which faults."""
        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until interrupted."""
        try:
            asyncio.run(until_interrupted(read_settings(options), self._say))
        except (FleetRefused, SimulatorRefused) as refusal:
            raise CommandError(str(refusal)) from refusal

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
