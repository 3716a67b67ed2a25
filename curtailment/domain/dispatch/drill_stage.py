"""The stage of a dispatch drill: a site with machines that exist in memory alone, a programme, and its two ways in.

Everything on it is written within a transaction that is rolled back; no control of production ever sees it.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

from django.contrib.auth import get_user_model

from curtailment.clients import openadr as client
from curtailment.clients.dispatch_simulator import Vtn as Server
from curtailment.clients.dry import DryMachines
from curtailment.domain import plans
from curtailment.domain.control.site import control_site
from curtailment.domain.dispatch import dispatches, openadr, programmes
from curtailment.domain.dispatch.dispatch_plans import OPEN
from curtailment.domain.planning import Wish, preview
from curtailment.enums import Cause
from curtailment.models import (
    CurtailmentPlan,
    Dispatch,
    Programme,
    ProgrammeCommitment,
    SiteControl,
    StandingApproval,
    VtnConnection,
    VtnResource,
)
from hashinsight.common.outbound import Policy
from hashinsight.notify.engine import signing
from hosting.domain import fleet, places
from hosting.domain.fleet import Spot
from hosting.models import Miner, MinerContact, MinerModel, Site

Post = Callable[[str, bytes, Mapping[str, str]], tuple[int, dict[str, Any]]]
MACHINES = 12
MACHINE_KW = Decimal("3.5")
COMMITTED = 4  # machines
LOOPBACK = Policy(networks=(ip_network("127.0.0.0/8"),), seconds=5)
TEST_NET = "198.51.100."  # nobody's


@dataclass
class Stage:
    """``now`` is turned by hand; it begins with the real time, by which the door goes."""

    site: Site
    programme: Programme
    post: Post
    now: datetime
    kw: Decimal
    machines: DryMachines | None = None
    checks: list[tuple[str, Any, Any]] = field(default_factory=list)
    others: list[Programme] = field(default_factory=list)

    def check(self, what: str, found: Any, wanted: Any) -> None:
        """One thing that has to be like this."""
        self.checks.append((what, found, wanted))

    @property
    def passed(self) -> bool:
        """Nothing is otherwise."""
        return all(found == wanted for _what, found, wanted in self.checks)

    # --- what the other side does -----------------------------------------------------------------------------------
    def say(self, reference: str = "D-1", *, minutes: float | None = 30, start: float | None = 0, **more: Any) -> Any:
        """A signed message, to begin and end so many minutes from now; returns status and body."""
        body: dict[str, Any] = {"dispatch": reference}
        if more.get("action") != "cancel":
            begin = self.now + timedelta(minutes=start or 0)
            body |= {} if start is None else {"starts_at": begin.isoformat()}
            body |= {} if minutes is None else {"ends_at": (begin + timedelta(minutes=minutes)).isoformat()}
        headers = {name: more.pop(name) for name in ("secret", "message_id", "signed_at", "tamper") if name in more}
        return self.send({**body, **more}, **headers)

    def send(
        self, body: Mapping[str, Any], *, secret: str = "", message_id: str = "", signed_at: datetime | None = None,
        tamper: bool = False,
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        """The bytes and their signature."""
        raw = json.dumps(body, default=str).encode()
        moment = int((signed_at or self.real_now()).timestamp())
        signed = signing.headers(
            [secret or self.programme.reveal_secret()], message_id=message_id or os.urandom(8).hex(), timestamp=moment,
            body=raw,
        )  # fmt: skip
        sent = raw.replace(b'"dispatch"', b'"dispatch" ') if tamper else raw
        return self.post(f"/api/v1/dispatches/{self.programme.public_id}/", sent, signed)

    real_now: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone())

    # --- what happens here ------------------------------------------------------------------------------------------
    def step(self, count: int = 1) -> None:
        """Minutes go by: dispatches follow, machines are switched."""
        for _ in range(count):
            self.now += timedelta(minutes=1)
            dispatches.follow(self.now)
            if self.machines is not None:
                control_site(self.site, clock=lambda: self.now, adapter=self.machines)

    def check_off(self, machines: int, *, share: Decimal | None = None) -> None:
        """So many machines are off; where they are real, and nobody switches them, plans could do that share of it."""
        if self.machines is not None:
            self.check("machines off", len(self.machines.off), machines)
        else:
            wanted = self.kw * (Decimal(machines) / COMMITTED if share is None else share)
            self.check("kW that plans can do", f"{self._planned_kw():.3f}", f"{wanted:.3f}")

    def _planned_kw(self) -> Decimal:
        """The most that a plan of this time wants, and finds machines for."""
        plan = max(self._plans_now(), key=lambda one: one.goal_kw, default=None)
        if plan is None:
            return Decimal(0)
        wish = Wish(self.site, plan.goal, plan.goal_kw, plan.selection, plan.starts_at, plan.ends_at)
        return min(plan.goal_kw, preview(wish, at=self.now).off_kw)

    def _plans_now(self) -> list[CurtailmentPlan]:
        """Plans of the drill whose time it is, approved or not."""
        keys = {row.key for row in Dispatch.objects.filter(programme__in=[self.programme, *self.others])}
        rows = CurtailmentPlan.objects.filter(site=self.site, status__in=OPEN, starts_at__lte=self.now)
        rows = rows.exclude(ends_at__lte=self.now)
        return [plan for plan in rows if any(plan.source_key.startswith(key) for key in keys)]

    def row(self, reference: str = "D-1") -> Dispatch:
        """A dispatch as it is."""
        return Dispatch.objects.get(programme=self.programme, reference=reference)

    def check_state(self, state: str, reference: str = "D-1") -> None:
        """Where a dispatch is."""
        rows = Dispatch.objects.filter(programme=self.programme, reference=reference)
        self.check(f"state of {reference}", rows.values_list("state", flat=True).first(), state)

    def plans(self, reference: str = "D-1") -> list[CurtailmentPlan]:
        """Made of a dispatch."""
        return list(CurtailmentPlan.objects.filter(source_key__startswith=self.row(reference).key).order_by("pk"))


def build(post: Post, *, at: datetime, site: Site | None = None, kw: Decimal | None = None, **fields: Any) -> Stage:
    """A stage at a site of its own, or at a real one, whose machines are looked at and left alone."""
    machines = None
    if site is None:
        site, machines = _site(at)
        kw = kw or MACHINE_KW * COMMITTED
    committed = kw or Decimal(1)
    made = add_programme(site, "Drill", kw=committed, at=at, **fields)
    return Stage(site, made, post, at, committed, machines)


def add_programme(site: Site, name: str, *, kw: Decimal, at: datetime, **fields: Any) -> Programme:
    """Committed there at all hours."""
    made = programmes.create_programme(
        by=None, at=at, name=f"{name} {os.urandom(4).hex()}", is_drill=True, **{"ramp_seconds": 600, **fields}
    )
    first = date(at.year - 1, 1, 1)
    ProgrammeCommitment.objects.create(programme=made, site=site, kw=kw, valid_from=first, created_at=at)
    return made


def _site(at: datetime) -> tuple[Site, DryMachines]:
    """Machines that may be switched, at addresses that lead nowhere; two have signed for it."""
    mark = os.urandom(4).hex()
    site = places.create_site(name=f"Drill {mark}", time_zone="UTC", capacity_kw=Decimal(1000), currency="USD", at=at)
    model = MinerModel.objects.create(
        name=f"Drill {mark}", manufacturer="Drill", hashrate_ths=200, power_w=int(MACHINE_KW * 1000)
    )
    rows = [Miner(serial=f"DRILL-{mark}-{n}", model=model, address=f"{TEST_NET}{n + 1}") for n in range(MACHINES)]
    made = fleet.register_miners(rows, by=None, at=at)
    fleet.place_miners(made, spot=Spot(site), by=None, at=at)
    fleet.set_intent(made, to="active", by=None, at=at)
    MinerContact.objects.bulk_create([MinerContact(miner=one, dialect="luxos", changed_at=at) for one in made])
    SiteControl.objects.create(site=site, min_off_minutes=0, min_on_minutes=0)
    approve(site, at=at)
    return site, DryMachines(watts=float(MACHINE_KW * 1000))


def approve(site: Site, *, at: datetime) -> StandingApproval:
    """Two people who exist for the drill alone sign a standing approval."""
    row = StandingApproval.objects.create(
        site=site, cause=Cause.DISPATCH, most_kw=Decimal(10_000), time_from=time(0), time_to=time(0),
        valid_from=at.date() - timedelta(days=1), valid_until=at.date() + timedelta(days=400),
    )  # fmt: skip
    people = [
        get_user_model().objects.create(email=f"drill-{os.urandom(4).hex()}@drill.invalid", is_active=False)
        for _ in range(2)
    ]
    for person in people:
        row = plans.sign_standing(row, by=person, at=at)
    return row


def connect(stage: Stage, server: Server) -> VtnConnection:
    """The programme's own OpenADR server, where the site is called *site*."""
    row = VtnConnection(
        name=f"Drill {os.urandom(4).hex()}", programme=stage.programme, base_url=server.url,
        client_id=server.client_id, ven_name="drill", openadr_version="3.1" if server.newer else "3.0",
        created_at=stage.now,
    )  # fmt: skip
    row.conceal_client_secret(server.client_secret)
    row.save()
    VtnResource.objects.create(connection=row, site=stage.site, name="site")
    return row


def ask(stage: Stage, row: VtnConnection, server: Server) -> openadr.Polled | None:
    """One poll, without pauses, of loopback alone."""
    row.refresh_from_db()
    account = client.Account(server.url, server.client_id, server.client_secret, newer=server.newer)
    talk = client.Vtn(account, policy=LOOPBACK, clock=lambda: stage.now, sleep=lambda _seconds: None)
    found = openadr.poll(row, clock=lambda: stage.now, vtn=talk)
    row.refresh_from_db()
    return found
