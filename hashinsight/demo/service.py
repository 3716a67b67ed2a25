"""The service half of the demo: tickets of clients and of our own, two repairs, and who is on call."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from accounts.models import User
from crm.models import Customer
from hashinsight.demo.calendar import Clock
from hashinsight.demo.people import CLIENTS, Staff, client_email
from hashinsight.journal.domain import NewFile
from hashinsight.notify.models import Rota, RotaRow, RotaShift
from hosting.domain import fleet, repairs, tickets
from hosting.enums import MinerIntent, RepairKind, RepairStatus
from hosting.models import Miner, Ticket

DAY, NIGHT = (time(8), time(20)), (time(20), time(8))
LOG = b"10:02 board 2: temperature sensor not answering\n10:02 board 2: switched off\n10:03 hashing with 2 boards\n"


class ServiceTeller:
    """Tells what went wrong lately, who looked at it and how far it is."""

    def __init__(self, staff: Staff, clock: Clock) -> None:
        self.staff, self.clock = staff, clock
        self.ours: Any = staff.operations

    def tell(self, machines: Sequence[Miner], *, client: Customer) -> list[Miner]:
        """All of it; returns the machines as they are then."""
        self._rota()
        running = [miner for miner in machines if miner.intent == MinerIntent.ACTIVE and miner.customer is not None]
        self._of_the_client(client, [miner for miner in running if miner.customer_id == client.pk])
        self._of_other_customers([miner for miner in running if miner.customer_id != client.pk])
        self._among_us(running)
        return [miner.reload() for miner in machines]

    def _ago(self, **span: float) -> datetime:
        return self.clock.at - timedelta(**span)

    def _of_the_client(self, client: Customer, machines: list[Miner]) -> None:
        """One that waits for an answer, one that is over."""
        alma: Any = User.objects.get(email=client_email(CLIENTS[0][0]))
        weak = tickets.open_ticket(
            subject="Less hashrate than last week", customer=client, miners=machines[:2], kind="hardware",
            priority="medium", description="Two machines fell by a third on Monday; see the log.", by=alma,
            at=self._ago(hours=50),
        )  # fmt: skip
        log = NewFile("machine.log", "text/plain", LOG)
        tickets.add_file(weak, file=log, by=alma, at=self._ago(hours=50))
        tickets.assign_ticket(weak, to=self.ours, by=self.ours)
        tickets.begin_work(weak, by=self.ours, at=self._ago(hours=49.5))
        tickets.write_note(weak, body="Under warranty: ask the maker first.", by=self.ours, at=self._ago(hours=47))
        tickets.wait_for_client(
            weak, question="A sensor is broken. May we send both in? They would be away for about ten days.",
            by=self.ours, at=self._ago(hours=20),
        )  # fmt: skip
        asked = tickets.open_ticket(
            subject="Which pool do the machines use?", customer=client, kind="other", priority="low", by=alma,
            at=self._ago(days=9),
        )  # fmt: skip
        self._solve(asked, "The one of your contract; the page of each machine names it.", days=8.5)
        tickets.close_ticket(asked, by=alma, at=self._ago(days=8))

    def _of_other_customers(self, machines: list[Miner]) -> None:
        """A repair that goes on, one that is over, and one that nobody has looked at yet."""
        away, back, noisy = machines[0], machines[1], machines[-1]
        sent = self._opened(away, "Hash board missing", "low", days=6)
        order = repairs.order_repair(
            away, reason="Board 2 dead", kind=RepairKind.RMA, ticket=sent, vendor="Board Works", rma_number="RMA-2207",
            by=self.ours, at=self._ago(days=6),
        )  # fmt: skip
        repairs.move_repair(order, to=RepairStatus.SENT, by=self.ours, at=self._ago(days=5))
        tickets.begin_work(sent, by=self.ours, at=self._ago(days=6))
        fan = self._opened(back, "Fan stands", "medium", days=12)
        order = repairs.order_repair(back, reason="Fan stands", ticket=fan, by=self.ours, at=self._ago(days=12))
        repairs.finish_repair(
            order, to=RepairStatus.RETURNED, outcome="Fan replaced", by=self.ours, at=self._ago(days=11)
        )
        fleet.set_intent([back], to=MinerIntent.ACTIVE, by=self.ours, at=self._ago(days=11))
        self._solve(fan, "The fan is replaced, the machine hashes again.", days=11)
        self._opened(noisy, "Restarts every hour", "medium", minutes=20)

    def _opened(self, miner: Miner, subject: str, priority: str, **ago: float) -> Ticket:
        return tickets.open_ticket(
            subject=subject, customer=miner.customer, site=miner.site, miners=[miner], kind="hardware",
            priority=priority, by=self.ours, at=self._ago(**ago),
        )  # fmt: skip

    def _solve(self, ticket: Ticket, done: str, **ago: float) -> None:
        tickets.begin_work(ticket, by=self.ours, at=self._ago(**ago))
        tickets.resolve_ticket(ticket, resolution=done, by=self.ours, at=self._ago(**ago))

    def _among_us(self, machines: list[Miner]) -> None:
        tickets.open_ticket(
            subject="Filter mats are due", site=machines[0].site, kind="other", priority="low", by=self.ours,
            at=self._ago(hours=3),
        )  # fmt: skip

    def _rota(self) -> None:
        """Operations by day, the owner by night; one day next week the other way round."""
        rota = Rota.objects.create(name="Operations around the clock", time_zone="Europe/Berlin")
        RotaRow.objects.bulk_create(
            RotaRow(rota=rota, person=person, weekday=weekday, begins=hours[0], ends=hours[1])
            for weekday in range(7)
            for person, hours in ((self.staff.operations, DAY), (self.staff.owner, NIGHT))
        )
        begins = self.clock.at.replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(days=5)
        RotaShift.objects.create(
            rota=rota, person=self.staff.owner, begins_at=begins, ends_at=begins + timedelta(hours=12)
        )
