"""Repairs for the recomputation of usage."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from accounts.models import User
from hosting.domain import repairs
from hosting.models import Miner
from tests.hosting.series import usage_oracle

# Steps: machine, minute, whether it pauses billing; machine, minute, how it ends.
REPAIRS = (
    st.tuples(
        st.just("repair"), st.tuples(st.integers(0, 3), st.integers(1, 230), st.sampled_from([True, True, False]))
    ),
    st.tuples(
        st.just("over"), st.tuples(st.integers(0, 3), st.integers(0, 250), st.sampled_from(["returned", "cancelled"]))
    ),
)


class Workshop:
    """Orders repairs and ends them, and keeps beside it what that means: repairs that pause, and intents by time."""

    def __init__(self, begin: datetime, log: dict[int, list[Any]], root: User) -> None:
        self.begin, self.log, self.root = begin, log, root
        self.open: dict[int, Any] = {}
        self.past: dict[int, list[usage_oracle.Repair]] = {}

    def order(self, miner: Miner, minute: int, pauses: bool) -> None:
        if miner.pk in self.open:
            return
        at, before = self.begin + timedelta(minutes=minute), miner.reload().intent
        self.open[miner.pk] = repairs.order_repair(miner, reason="Fan", by=self.root, at=at, pauses_billing=pauses)
        if before != "maintenance":
            self.log[miner.pk].append((at, "maintenance"))

    def over(self, miner: Miner, minute: int, how: str) -> None:
        at, order = self.begin + timedelta(minutes=minute), self.open.get(miner.pk)
        if order is None or at < order.created_at:
            return
        if miner.reload().intent == "maintenance":
            self.log[miner.pk].append((at, "paused"))
        repairs.finish_repair(self.open.pop(miner.pk), to=how, outcome="", by=self.root, at=at)
        if order.pauses_billing and how != "cancelled":
            self.past.setdefault(miner.pk, []).append(usage_oracle.Repair(order.created_at, at))

    def repairs(self) -> dict[int, list[usage_oracle.Repair]]:
        found = {miner: list(rows) for miner, rows in self.past.items()}
        for miner, order in self.open.items():
            if order.pauses_billing:
                found.setdefault(miner, []).append(usage_oracle.Repair(order.created_at))
        return found
