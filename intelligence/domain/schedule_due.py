"""Which days are to be planned and scored now, and the rows that say so: nothing is lost with a worker or a broker."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from curtailment.enums import RUNNING
from hashinsight.common.errors import DomainError
from hashinsight.jobs.domain.work import require_work
from hashinsight.jobs.enums import WorkState
from hashinsight.jobs.models import DueWork
from hosting.enums import PlaceStatus
from hosting.models import Site
from intelligence.domain.energy import series_of_site
from intelligence.domain.schedule_plans import lock_day
from intelligence.domain.schedule_prices import prices_of, revenue_of
from intelligence.domain.scheduling import ScheduleRefused, settings_of, starts_left
from intelligence.enums import PLANNED, AnswerLabel, EntryStatus, RunStatus
from intelligence.models import ScheduleEntry, ScheduleRun, ScheduleSettings

PLAN_WORK, SCORE_WORK = "intelligence.plan_day", "intelligence.score_day"
DAY = timedelta(days=1)
BEFORE_THE_DAY = timedelta(hours=2)  # then it is planned with what is known
AGAIN = timedelta(hours=6)  # what was refused is tried again
CLOSED_AFTER = timedelta(hours=3)  # readings and quarter-hours of the last hour are reckoned by then
SCORED_WITHIN = timedelta(days=7)


@transaction.atomic
def ask_for_day(site: Site, on: date, *, at: datetime, by: Any = None) -> DueWork:
    """Have a day planned soon, by a worker; asked again while it waits, it is planned once. Raises ScheduleRefused."""
    starts_left(site, on, settings_of(site).step_minutes, at=at)
    lock_day(site, on)
    open_work = waiting(site, on)
    if open_work is not None:
        return open_work
    last = _work_of(site, on).order_by("-pk").first()
    number = 1 if last is None else int(last.key.rpartition(":")[2]) + 1
    payload = {"site_id": site.pk, "on": on.isoformat(), "user_id": str(by.pk) if by else None}
    return require_work(PLAN_WORK, key=f"{site.pk}:{on}:{number}", payload=payload, at=at)


def waiting(site: Site, on: date) -> DueWork | None:
    """Work on this day that is not done."""
    found: DueWork | None = _work_of(site, on).filter(state__in=(WorkState.PENDING, WorkState.CLAIMED)).first()
    return found


def _work_of(site: Site, on: date) -> QuerySet[DueWork]:
    return DueWork.objects.filter(kind=PLAN_WORK, key__startswith=f"{site.pk}:{on}:")


def plan_due(*, at: datetime) -> dict[str, Any]:
    """Ask for each day that is due; one site that cannot be asked for does not stop the others."""
    said: dict[str, Any] = {}
    for planning in ScheduleSettings.objects.filter(is_on=True, site__status=PlaceStatus.ACTIVE).select_related("site"):
        site = planning.site
        if series_of_site(site, at=at) is None:
            said[str(site)] = _("no price series")
            continue
        try:
            days = list(due_days(site, planning, at=at))
            for on in days:
                ask_for_day(site, on, at=at)
        except DomainError as refusal:
            said[str(site)] = str(refusal)
        else:
            said[str(site)] = [on.isoformat() for on in days]
    return said


def due_days(site: Site, planning: ScheduleSettings, *, at: datetime) -> Iterator[date]:
    """Today without a schedule; tomorrow once its prices are published, or shortly before it begins; what has to be
    done better: without prices before and now with them, or forecast before and now published."""
    today = at.astimezone(ZoneInfo(site.time_zone)).date()
    for on in (today, today + DAY):
        try:
            starts = starts_left(site, on, planning.step_minutes, at=at)
        except ScheduleRefused:
            continue
        run = ScheduleRun.objects.current().filter(site=site, target_date=on).first()
        priced = prices_of(site, starts, planning.step_minutes, at=at)
        if run is None:
            if on == today or priced.all_known or starts[0] - at <= BEFORE_THE_DAY:
                yield on
        elif run.label in PLANNED:
            by_hand = run.status == RunStatus.APPLIED and run.applied_by_id is not None
            guessed = any(origin != "known" for origin in run.inputs.get("price_from", ()))
            if guessed and priced.all_known and not by_hand:
                yield on
        elif run.label == AnswerLabel.SAFE_STATE:
            if not (priced.lacking or revenue_of(site, planning, starts, at=at).lacking):
                yield on
        elif at - run.known_at >= AGAIN:
            yield on


def score_due(*, at: datetime) -> int:
    """Ask for each schedule whose day is closed to be scored; how many."""
    rows = ScheduleRun.objects.current().filter(
        site__isnull=False, ends_at__lte=at - CLOSED_AFTER, ends_at__gt=at - SCORED_WITHIN, scored_at__isnull=True
    )
    for run in rows.order_by("pk"):
        require_work(SCORE_WORK, key=str(run.pk), payload={"run_id": run.pk}, at=at)
    return len(rows)


def follow(*, at: datetime) -> int:
    """Steps whose plan runs are executing; how many there were."""
    begun = Q(starts_at__lte=at, status=EntryStatus.PLANNED, plan__status__in=RUNNING)
    return ScheduleEntry.objects.filter(begun).update(status=EntryStatus.EXECUTING)
