"""Building the demo: once, as a whole or not at all."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from crm.models import Customer, LegalEntity
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.demo.billing import Say
from hashinsight.demo.calendar import Clock
from hashinsight.demo.credentials import write_credentials
from hashinsight.demo.market import tell_market
from hashinsight.demo.people import Staff, hire_staff, invite_clients, issue_credentials
from hashinsight.demo.plain import build_plain
from hashinsight.demo.readings import tell_readings
from hashinsight.demo.sample import build_sample
from hashinsight.demo.schedules import tell_schedules
from hashinsight.demo.service import ServiceTeller
from hashinsight.demo.shapes import Size
from hashinsight.demo.steel import SteelTeller
from hashinsight.jobs.domain import runs, work
from hashinsight.jobs.models import JobRun

SEED = 20
JOB = "demo.build"
# The build is a job that runs once; its row is the mark that it did.
EPOCH = datetime(2009, 1, 3, tzinfo=UTC)


class DemoRefused(DomainError):
    """The demo cannot be built here."""

    code = "demo_refused"


@dataclass(frozen=True)
class Wish:
    """Which company, when and how large."""

    at: datetime
    sample: Path | None = None
    seed: int = SEED
    size: Size = field(default_factory=Size)
    hours: int = 0  # of readings before now
    with_market: bool = False

    @property
    def kind(self) -> str:
        """What stands in the row of the job."""
        return "sample" if self.sample else "plain"


def built_kind() -> str | None:
    """Which demo stands in this database; None when there is none."""
    run = JobRun.objects.filter(job=JOB, period_start=EPOCH, state="done").first()
    return None if run is None else str(run.result.get("kind", ""))


def build_demo(wish: Wish, *, credentials: Path, say: Say) -> bool:
    """Build the demo into an empty database; False when one stands there already. Raises DemoRefused.

    One transaction: whoever is stopped in the middle leaves nothing behind. The file with the sign-ins is
    written by whoever has built the demo, and by nobody else.
    """
    with transaction.atomic(), audit_context(actor="system", source="demo"):
        run = runs.start_run(JOB, period_start=EPOCH, at=wish.at, claim=timedelta(days=36500))
        if run is None:
            _say_known(wish, credentials, say)
            return False
        if Customer.objects.exists() or LegalEntity.objects.exists():
            raise DemoRefused(_("This database holds customers already; a demo is only built into an empty one."))
        say(f"Building the demo company ({'from the sample files' if wish.sample else 'generated'})")
        staff = hire_staff(at=wish.at)
        clients = _build(wish, staff, say)
        machines = SteelTeller(staff, Clock(wish.at), seed=wish.seed).tell()
        say(f"{len(machines)} machines at two sites")
        invite_clients(clients, by=staff.owner, at=wish.at)
        machines = ServiceTeller(staff, Clock(wish.at)).tell(machines, client=clients[0])
        if wish.hours:
            told = tell_readings(machines, at=wish.at, hours=wish.hours, seed=wish.seed)
            say(f"{told} readings of the last {wish.hours} hours")
        if wish.with_market:
            tell_market(at=wish.at, seed=wish.seed, sample=wish.sample, say=say)
            tell_schedules(at=wish.at, say=say)
        signs = issue_credentials(at=wish.at)
        work.wait_from(wish.at)
        runs.finish_run(run, at=wish.at, result={"kind": wish.kind, "seed": wish.seed})
        write_credentials(credentials, signs)
    say(f"The demo company is built; the sign-ins are in {credentials}")
    return True


def _build(wish: Wish, staff: Staff, say: Say) -> tuple[Customer, Customer]:
    clock = Clock(wish.at)
    if wish.sample:
        return build_sample(staff, wish.sample, clock=clock, say=say)
    return build_plain(staff, seed=wish.seed, clock=clock, size=wish.size, say=say)


def _say_known(wish: Wish, credentials: Path, say: Say) -> None:
    kind = built_kind()
    if kind != wish.kind:
        say(f"A demo company ({kind}) stands here already and is kept; ./dev reset makes room for another one")
    else:
        say("The demo company stands here already; nothing to do")
    if not credentials.exists():
        say("Its sign-ins are lost: `manage.py build_demo --new-credentials` makes new ones")


@transaction.atomic
def renew_credentials(*, at: datetime, credentials: Path) -> None:
    """New passwords and keys for the people of the demo. Raises DemoRefused where there is no demo."""
    if built_kind() is None:
        raise DemoRefused(_("There is no demo company here."))
    write_credentials(credentials, issue_credentials(at=at))
