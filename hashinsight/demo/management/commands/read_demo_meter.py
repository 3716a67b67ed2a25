"""The meter of the demo goes on beside ``./dev run``."""

import logging
import time
from typing import Any

import numpy as np
from django.core.management.base import BaseCommand, CommandParser
from django.db import Error, close_old_connections
from django.utils import timezone

from hashinsight.demo.metering import read_meters

EVERY_S = 60.0
logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """``manage.py read_demo_meter``: one reading a minute, from what the simulated machines say that they draw."""

    help = "Reads the meter of the demo once a minute, until stopped."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Once, or for ever."""
        parser.add_argument("--once", action="store_true", help="one reading, then stop")

    def handle(self, *args: Any, once: bool = False, **options: Any) -> None:
        """One reading after the other; a database that is away costs readings, as it would a real program."""
        chance = np.random.default_rng()
        while True:
            try:
                kept = read_meters(at=timezone.now(), chance=chance)
            except Error:
                logger.warning("the meter of the demo was not read", exc_info=True)
                kept = 0
            if once:
                self.stdout.write(f"readings kept: {kept}")
                return
            close_old_connections()
            time.sleep(EVERY_S)
