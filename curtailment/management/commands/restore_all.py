"""``restore_all --site NAME --reason WHY``: end every plan of a site and switch its machines on, without a broker.

For the hour in which workers or the broker are down: the command itself is the control, tick after tick, until every
machine we switched runs again. Needs the database and the network of the machines, nothing else.
"""

import time
from argparse import ArgumentParser
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from curtailment.domain.control.site import control_site, is_frozen
from curtailment.domain.plans import restore_site
from curtailment.domain.settings import control_of
from curtailment.models import ControlledMachine
from hosting.models import Site


class Command(BaseCommand):
    """See the module."""

    help = "Ends every curtailment plan of a site and switches its machines on again, by the ramp, without a broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where, why, and how long to go on."""
        parser.add_argument("--site", required=True, help="name or id of the site")
        parser.add_argument("--reason", required=True, help="kept, told to the owners, and reviewed by somebody else")
        parser.add_argument("--by", default="", help="e-mail address of whoever does it; empty: nobody is named")
        parser.add_argument("--minutes", type=float, default=120, help="give up after so long (120)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore, then steer until nobody is left."""
        site = _site(options["site"])
        ended = restore_site(site, reason=options["reason"], by=_person(options["by"]), at=timezone.now())
        self.stdout.write(f"{site}: {len(ended)} plans ended")
        if ended:
            self.stdout.write("owners are told of it by e-mail; somebody else reviews it under “Emergency restores”")
        until = time.monotonic() + options["minutes"] * 60
        step = control_of(site).step_s
        while (left := ControlledMachine.objects.in_hand().filter(site=site).count()) and time.monotonic() < until:
            if is_frozen(site):
                raise CommandError("the kill switch is set, or this installation switches nothing: release it first")
            ticked = control_site(site, clock=timezone.now)
            if ticked is not None:
                self.stdout.write(f"{left} machines are not back; told {ticked.orders}, {ticked.silent} do not answer")
            time.sleep(min(5.0, step / 4))
        if left:
            raise CommandError(f"{left} machines are not back after {options['minutes']:g} minutes")
        self.stdout.write("every machine we switched runs again")


def _person(email: str) -> User | None:
    if not email:
        return None
    found: User | None = User.objects.filter(email__iexact=email, is_active=True).first()
    if found is None:
        raise CommandError(f"nobody active has the e-mail address {email!r}")
    return found


def _site(text: str) -> Site:
    wanted = Q(name__iexact=text)
    with suppress(ValueError):
        wanted |= Q(public_id=UUID(text))
    found = list(Site.objects.filter(wanted)[:2])
    if len(found) != 1:
        raise CommandError(f"there is no one site called {text!r}")
    site: Site = found[0]
    return site
