"""The deals of the demo company: monthly hosting, single orders, what is open, what was lost."""

import random
from datetime import date, timedelta
from decimal import Decimal

from hashinsight.demo.calendar import add_months, days_in_month
from hashinsight.demo.offers import OFFERS
from hashinsight.demo.shapes import PlannedCustomer, PlannedDeal, PlannedLine, PlannedPayment, Size
from hashinsight.demo.world import RATES, SEASONS


class DealTeller:
    """Tells the deals: monthly hosting, single orders, what is open, what was lost."""

    def __init__(self, chance: random.Random, today: date, customers: list[PlannedCustomer], size: Size) -> None:
        self.chance, self.today, self.size, self.customers = chance, today, size, customers
        self.active = [index for index, one in enumerate(customers) if one.active]
        self.first_month = add_months(today.replace(day=1), -size.months)

    def hosting(self) -> list[PlannedDeal]:
        """A part of the customers is billed month after month, for the month that has ended."""
        hosted = self.chance.sample(self.active, min(self.size.hosted, len(self.active)))
        deals = []
        for index in sorted(hosted):
            joined = self.chance.randrange(0, max(1, self.size.months - 2)) if self.chance.random() < 0.4 else 0
            steadiness = self.chance.choices(("prompt", "late", "slow"), (70, 20, 10))[0]
            for number in range(joined, self.size.months):
                deals.append(self._month(index, add_months(self.first_month, number), steadiness))
        return deals

    def _month(self, index: int, month: date, steadiness: str) -> PlannedDeal:
        customer = self.customers[index]
        last = month.replace(day=days_in_month(month))
        share = SEASONS[customer.country.entity].get(month.month, 97) + self.chance.randrange(-3, 3)
        energy = Decimal(customer.power_kw * 24 * last.day * share) / 100
        lines = [
            self._line(customer, "COLO-KW", Decimal(customer.power_kw)),
            self._line(customer, "ENERGY-KWH", energy.quantize(Decimal("0.001"))),
        ]
        if customer.power_kw > 600:
            lines.append(self._line(customer, "IMMERSION-KW", Decimal(customer.power_kw // 3)))
        if index % 3 == 0:
            lines.append(self._line(customer, "FIRMWARE-UNIT", Decimal(max(4, customer.power_kw // 3))))
        completed_on = min(last + timedelta(days=self.chance.randrange(1, 4)), self.today)
        word = "Hosting" if customer.country.language != "de" else "Stellplatz und Energie"
        return self._sold(
            index,
            f"{word} {month:%m/%Y}, {customer.power_kw} kW",
            lines,
            signed_on=month,
            completed_on=completed_on,
            service=(month, last),
            steadiness=steadiness,
        )

    def orders(self) -> list[PlannedDeal]:
        """Single orders: more in the months when machines are moved and replaced."""
        deals = []
        days = (self.today - self.first_month).days
        for _number in range(self.size.orders):
            index = self.chance.choice(self.active)
            customer = self.customers[index]
            completed_on = self.first_month + timedelta(days=int(days * self.chance.betavariate(1.6, 1.1)))
            title, lines = self._order(customer)
            steadiness = self.chance.choices(("prompt", "late", "slow"), (62, 23, 15))[0]
            signed_on = completed_on - timedelta(days=self.chance.randrange(3, 25))
            deals.append(
                self._sold(index, title, lines, signed_on=signed_on, completed_on=completed_on, steadiness=steadiness)
            )
        return deals

    def _order(self, customer: PlannedCustomer) -> tuple[str, list[PlannedLine]]:
        german = customer.country.language == "de"
        machines = Decimal(self.chance.randrange(2, 60))
        kind = self.chance.choices(("setup", "repair", "move", "audit", "monitor"), (34, 34, 14, 8, 10))[0]
        if kind == "setup":
            title = f"Inbetriebnahme {machines} Geräte" if german else f"Set-up of {machines} machines"
            return title, [self._line(customer, "SETUP-UNIT", machines), self._line(customer, "RACK-UNIT", machines)]
        if kind == "repair":
            hours = Decimal(self.chance.randrange(2, 90)) / 4
            lines = [self._line(customer, "REPAIR-HOUR", hours), self._line(customer, "PART-FAN", machines)]
            if machines > 30:
                lines.append(self._line(customer, "PART-PSU", Decimal(int(machines) // 10)))
            return ("Reparatur und Teile" if german else "Repair and parts"), lines
        if kind == "move":
            pallets = Decimal(self.chance.randrange(1, 9))
            title = f"Umzug von {pallets} Paletten" if german else f"Move of {pallets} pallets"
            return title, [self._line(customer, "MOVE-PALLET", pallets)]
        if kind == "audit":
            return ("Standortprüfung" if german else "Site audit"), [self._line(customer, "AUDIT-DAY", Decimal(2))]
        title = "Fernüberwachung, 12 Monate" if german else "Remote monitoring, 12 months"
        return title, [self._line(customer, "REMOTE-MONTH", Decimal(12))]

    def _sold(
        self,
        index: int,
        title: str,
        lines: list[PlannedLine],
        *,
        signed_on: date,
        completed_on: date,
        steadiness: str,
        service: tuple[date, date] | None = None,
    ) -> PlannedDeal:
        recent = completed_on > self.today - timedelta(days=25)
        waits = recent and self.chance.random() < 0.22
        undelivered = recent and not waits and self.chance.random() < 0.22
        credit = self.chance.choices(("", "full", "part"), (95, 2, 3))[0]
        return PlannedDeal(
            customer=index,
            title=title,
            currency=self.customers[index].country.currency,
            lines=tuple(lines),
            created_on=signed_on - timedelta(days=self.chance.randrange(6, 60)),
            stage="closed_won",
            status="signed",
            closed_on=min(signed_on, completed_on),
            service=service,
            completed_on=None if undelivered else completed_on,
            issue_after=None if waits else self.chance.randrange(0, 3),
            payments=() if credit == "full" else self._payments(steadiness),
            credit=credit,
        )

    def _payments(self, steadiness: str) -> tuple[PlannedPayment, ...]:
        draw, rand = self.chance.random(), self.chance.randrange
        if steadiness == "prompt":
            if draw < 0.03:
                return (PlannedPayment(102, rand(4, 12)),)
            return (PlannedPayment(100, rand(2, 14)),)
        if steadiness == "late":
            return (PlannedPayment(100, rand(33, 60)),)
        if draw < 0.45:
            return (PlannedPayment(40, rand(10, 30)), PlannedPayment(60, rand(45, 100)))
        if draw < 0.70:
            return (PlannedPayment(50, rand(10, 40)),)
        return ()

    def open_deals(self) -> list[PlannedDeal]:
        """What sales are at: three open stages, and won contracts on their way through the house."""
        deals = []
        choices = (
            ("discovery", "draft", 58), ("proposal", "draft", 52), ("negotiation", "draft", 30),
            ("negotiation", "pending", 26), ("negotiation", "approved", 14), ("closed_won", "approved", 4),
        )  # fmt: skip
        for _number in range(self.size.open_deals):
            stage, status, _weight = self.chance.choices(choices, [weight for *_rest, weight in choices])[0]
            deals.append(self._unsold(stage, status, self.today - timedelta(days=int(self.chance.expovariate(1 / 30)))))
        return deals

    def lost_deals(self) -> list[PlannedDeal]:
        """Why deals are lost."""
        reasons = ("price of energy", "chose another site", "no budget this year", "sold the machines", "no answer")
        days = (self.today - self.first_month).days
        return [
            self._unsold(
                "closed_lost",
                "cancelled",
                self.today - timedelta(days=self.chance.randrange(10, max(11, days))),
                reason=self.chance.choice(reasons),
            )
            for _number in range(self.size.lost_deals)
        ]

    def _unsold(self, stage: str, status: str, created_on: date, *, reason: str = "") -> PlannedDeal:
        index = self.chance.choice(self.active)
        customer = self.customers[index]
        power = max(10, round(customer.power_kw * self.chance.uniform(0.2, 1.4), -1))
        months = Decimal(self.chance.choice((6, 12, 12, 24)))
        closed = stage.startswith("closed")
        german = customer.country.language == "de"
        return PlannedDeal(
            customer=index,
            title=f"{power} kW, {months} {'Monate' if german else 'months'}",
            currency=customer.country.currency,
            lines=(self._line(customer, "COLO-KW", Decimal(power) * months),),
            created_on=created_on,
            stage=stage,
            status=status,
            closed_on=min(created_on + timedelta(days=self.chance.randrange(5, 40)), self.today) if closed else None,
            reason=reason,
            expected_on=None if closed else self.today + timedelta(days=self.chance.randrange(3, 120)),
        )

    def _line(self, customer: PlannedCustomer, code: str, quantity: Decimal) -> PlannedLine:
        price = OFFERS[code].price_in(Decimal(RATES[customer.country.currency]))
        return PlannedLine(code, quantity, price)
