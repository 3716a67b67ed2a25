"""What intelligence makes known at start: event kinds, jobs, retention."""

from django.utils.translation import gettext_lazy

from curtailment.domain.strategies import Strategy, register_strategy
from hashinsight.events.consumers import Consumer, register_consumer
from hashinsight.events.registry import EventKind
from hashinsight.events.registry import register as register_kind
from hashinsight.jobs.registry import register_handler
from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import AlertKind, register_alert_kind
from intelligence import periodic, retention
from intelligence.domain.portfolio import take_events
from intelligence.domain.schedule_due import PLAN_WORK, SCORE_WORK
from intelligence.domain.schedule_plans import ahead
from intelligence.domain.schedule_watch import unplanned_days
from intelligence.work import work_on_day, work_on_score

EVENT_KINDS = [
    EventKind(
        "intelligence.forecast_generated",
        "A forecast was made and published as a series.",
        {
            "forecast_id": "string", "kind": "string", "issued_at": "string", "horizons": "integer",
            "last_value": "string",
        },
    ),
    *(
        EventKind(
            f"user_miner.{what}",
            f"Machines a person reckons with were {what}.",
            {"user_miner_id": "string", "quantity": "integer", "status": "string"},
        )
        for what in ("created", "changed", "deleted")
    ),
    EventKind(
        "miner.portfolio_updated",
        "The portfolio of a person was reckoned anew.",
        {"machines": "integer", "daily_net_usd": "string?", "computed_at": "string"},
    ),
    EventKind(
        "ops.schedule_created",
        "A day of a site, or of a person's machines, was planned.",
        {
            "schedule_id": "string", "site_id": "string?", "target_date": "string", "label": "string",
            "status": "string", "profit": "string?", "currency": "string",
        },
    ),
    EventKind(
        "ops.schedule_applied",
        "A schedule was turned into curtailment plans.",
        {
            "schedule_id": "string", "site_id": "string", "target_date": "string", "plans": "integer",
            "refused": "integer",
        },
    ),
    EventKind(
        "ops.schedule_scored",
        "The day of a schedule is over, and what it earned is reckoned.",
        {
            "schedule_id": "string", "target_date": "string", "profit": "string?", "actual_profit": "string?",
            "currency": "string",
        },
    ),
]  # fmt: skip


def register() -> None:
    """Called once from ``ready()``."""
    for kind in EVENT_KINDS:
        register_kind(kind)
    register_consumer(
        Consumer(
            group="intelligence.portfolio",
            description="Reckons the portfolio of a person anew after a change or a good snapshot of the network.",
            kinds=frozenset(
                {"user_miner.created", "user_miner.changed", "user_miner.deleted", "network.snapshot_created"}
            ),
            handle=take_events,
            repeatable=True,
        )
    )
    register_strategy(Strategy("schedule", gettext_lazy("schedule of the optimiser"), ahead))
    register_handler(PLAN_WORK, work_on_day)
    register_handler(SCORE_WORK, work_on_score)
    register_alert_kind(
        AlertKind(
            "intelligence.schedule", "A day of a site has no plan of the optimiser.", "site and day", Severity.WARNING
        ),
        watch=unplanned_days,
    )
    periodic.register()
    retention.register()
