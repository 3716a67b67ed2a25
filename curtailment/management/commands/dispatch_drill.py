"""``dispatch_drill [--scenario NAME …] [--site NAME --kw N]``: what programmes do in real life, done to our own code.

A simulator (signed webhooks through our own API, a small OpenADR server on loopback) plays each scenario against the
code of production, and everything is rolled back: no row stays, no machine is switched, nobody is told. With ``--site``
at a real site, whose machines are left alone: whether its plans would be made. Ends with 1 when a scenario fails.
"""

import logging
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from curtailment.clients.own_door import post
from curtailment.domain.dispatch.drill import SCENARIOS, run
from hosting.models import Site


class Command(BaseCommand):
    """See the module."""

    help = "Plays what dispatches of programmes may bring against our own code; leaves nothing behind."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which scenarios, and where."""
        parser.add_argument("--scenario", action="append", default=[], help="only this one; may be given again")
        parser.add_argument("--site", default="", help="name or id of a real site; its machines are left alone")
        parser.add_argument("--kw", type=Decimal, default=None, help="committed power at the site (1)")
        parser.add_argument("--list", action="store_true", help="names of the scenarios")

    def handle(self, *args: Any, **options: Any) -> None:
        """Play, and say what came of it."""
        if options["list"]:
            for one in SCENARIOS:
                self.stdout.write(f"{one.name:20} {one.about}")
            return
        unknown = set(options["scenario"]) - {one.name for one in SCENARIOS}
        if unknown:
            raise CommandError(f"there is no scenario {', '.join(sorted(unknown))}; see --list")
        site = _site(options["site"]) if options["site"] else None
        failed = played = 0
        with _without_warnings():
            for result in run(options["scenario"], post, clock=timezone.now, site=site, kw=options["kw"]):
                played += 1
                failed += not result.passed
                word = "pass" if result.passed else "FAIL"
                about = result.scenario.about
                self.stdout.write(f"{word}  {result.scenario.name:20} {result.checks:3} checks  {about}")
                for text in result.wrong:
                    self.stdout.write(f"        {text}")
        self.stdout.write(f"{played - failed} of {played} scenarios passed; nothing was kept, no machine was switched")
        if failed:
            raise CommandError(f"{failed} of {played} scenarios failed")


@contextmanager
def _without_warnings() -> Iterator[None]:
    """The door refuses much of what is played, as it should; nobody has to read that in the log."""
    logger = logging.getLogger("django.request")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _site(text: str) -> Site:
    wanted = Q(name__iexact=text)
    with suppress(ValueError):
        wanted |= Q(public_id=UUID(text))
    found = list(Site.objects.filter(wanted)[:2])
    if len(found) != 1:
        raise CommandError(f"there is no one site called {text!r}")
    return found[0]
