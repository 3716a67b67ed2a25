"""Alert rules over machines: who breaks one and since when, and what of it is worth telling."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, Sum
from django.utils.translation import gettext as _

from hashinsight.notify.enums import Severity
from hashinsight.notify.registry import Finding
from hosting.engine.alert_rules import Watched, breaks, reject_percent
from hosting.engine.health import expected_hashrate, patience_s
from hosting.enums import MinerAlertKind, MinerIntent, TelemetryState
from hosting.models import Miner, MinerAlertRule, MinerBreach, MinerLatest, TelemetryFiveMinutes

LOCK = 4_731_004  # advisory, of the transaction
HOUR = timedelta(hours=1)
_NAMED = 20
_COLUMNS = (
    "pk", "site_id", "zone_id", "model_id", "site__collection_interval_s", "model__hashrate_ths", "model__power_w",
    "power_limit_w", "latest__recorded_at", "latest__state", "latest__hashrate_ths", "latest__chip_temp_c",
    "latest__board_temp_c", "latest__fan_min_rpm",
)  # fmt: skip
Row = dict[str, Any]


@transaction.atomic
def pass_rules(*, at: datetime) -> int | None:
    """Note who breaks a rule at a moment; returns how many do, None when another pass is at work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
    rules = list(MinerAlertRule.objects.filter(is_active=True).exclude(kind=MinerAlertKind.SILENT_ZONE).order_by("pk"))
    before = {(row.rule_id, row.miner_id): row for row in MinerBreach.objects.all()}
    machines = list(_machines(rules, at)) if rules else []
    found: dict[tuple[int, int], float] = {}
    for rule in rules:
        kind, threshold = Watched(rule.kind), float(rule.threshold)
        for row in machines:
            value = row[rule.kind]
            if _concerns(rule, row) and breaks(kind, value, threshold, already=(rule.pk, row["pk"]) in before):
                found[rule.pk, row["pk"]] = value
    MinerBreach.objects.filter(pk__in=[row.pk for key, row in before.items() if key not in found]).delete()
    fresh = [key for key in found if key not in before]
    MinerBreach.objects.bulk_create(
        [MinerBreach(rule_id=rule, miner_id=miner, since=at, value=found[rule, miner]) for rule, miner in fresh],
        batch_size=2000,
    )
    return len(found)


def _concerns(rule: MinerAlertRule, row: Row) -> bool:
    return (
        (rule.site_id is None or rule.site_id == row["site_id"])
        and (rule.zone_id is None or rule.zone_id == row["zone_id"])
        and (rule.model_id is None or rule.model_id == row["model_id"])
    )


def _machines(rules: list[MinerAlertRule], at: datetime) -> Iterator[Row]:
    """Machines that should hash and answered lately, with every figure a rule may watch; silence is health's matter."""
    hours = _of_the_hour(at) if {rule.kind for rule in rules} & {Watched.RESTARTS, Watched.REJECTS} else {}
    rows = Miner.objects.filter(intent=MinerIntent.ACTIVE, site__isnull=False, latest__isnull=False)
    for row in rows.exclude(latest__state=TelemetryState.UNREACHABLE).order_by("pk").values(*_COLUMNS):
        if (at - row["latest__recorded_at"]).total_seconds() > patience_s(row["site__collection_interval_s"]):
            continue
        expected = expected_hashrate(*(
            None if row[name] is None else float(row[name])
            for name in ("model__hashrate_ths", "model__power_w", "power_limit_w")
        ))  # fmt: skip
        hashrate = row["latest__hashrate_ths"]
        hour = hours.get(row["pk"], {})
        row[Watched.HASHRATE] = None if hashrate is None or not expected else 100.0 * hashrate / expected
        row[Watched.CHIP], row[Watched.BOARD] = row["latest__chip_temp_c"], row["latest__board_temp_c"]
        row[Watched.FAN] = row["latest__fan_min_rpm"]
        row[Watched.RESTARTS] = hour.get("restarts")
        row[Watched.REJECTS] = reject_percent(hour.get("accepted"), hour.get("rejected"))
        yield row


def _of_the_hour(at: datetime) -> dict[int, Row]:
    rows = TelemetryFiveMinutes.objects.filter(bucket_start__gt=at - HOUR, bucket_start__lte=at).values("miner_id")
    sums = rows.annotate(
        restarts_sum=Sum("restarts"), accepted_sum=Sum("shares_accepted"), rejected_sum=Sum("shares_rejected")
    ).order_by("miner_id")  # fmt: skip
    return {
        row["miner_id"]: {
            "restarts": row["restarts_sum"], "accepted": row["accepted_sum"], "rejected": row["rejected_sum"],
        }
        for row in sums
    }  # fmt: skip


def look_at(kind: MinerAlertKind) -> Callable[[datetime], Iterator[Finding]]:
    """What the watch of the notifications calls for one kind of rule."""
    return silent_zones if kind is MinerAlertKind.SILENT_ZONE else partial(_held, kind)


def _held(kind: MinerAlertKind, at: datetime) -> Iterator[Finding]:
    """Breaches that have held: one finding per machine, or one for the zone where there are many."""
    for rule in MinerAlertRule.objects.filter(kind=kind, is_active=True).order_by("pk"):
        rows = rule.breaches.filter(since__lte=at - timedelta(minutes=rule.minutes))
        zones: dict[tuple[int | None, int | None], list[MinerBreach]] = defaultdict(list)
        for row in rows.select_related("miner__zone__site", "miner__site").order_by("miner_id"):
            zones[row.miner.site_id, row.miner.zone_id].append(row)
        for (site_id, zone_id), broken in zones.items():
            place = broken[0].miner.zone or broken[0].miner.site
            if len(broken) > rule.summary_above:
                yield Finding(
                    key=f"{rule.public_id}:{site_id}:{zone_id}",
                    title=_("%(rule)s: %(count)s machines, %(place)s")
                    % {"rule": rule, "count": len(broken), "place": place},
                    text=", ".join(row.miner.serial for row in broken[:_NAMED]),
                    severity=Severity(rule.severity),
                )
                continue
            for row in broken:
                yield Finding(
                    key=f"{rule.public_id}:{row.miner.public_id}",
                    title=_("%(rule)s: %(miner)s, %(place)s") % {"rule": rule, "miner": row.miner, "place": place},
                    text=_("%(value)s since %(moment)s (threshold %(threshold)s)")
                    % {
                        "value": f"{row.value:.1f}",
                        "moment": f"{row.since:%Y-%m-%d %H:%M} UTC",
                        "threshold": rule.threshold,
                    },
                    severity=Severity(rule.severity),
                )


def silent_zones(at: datetime) -> Iterator[Finding]:
    """Zones of which nothing has been heard for so many minutes, though something was before."""
    heard = MinerLatest.objects.filter(miner__intent=MinerIntent.ACTIVE, miner__zone__isnull=False)
    zones = list(
        heard.values("miner__zone_id", "miner__zone__site_id", "miner__zone__name", "miner__zone__site__name")
        .annotate(last=Max("recorded_at"))
        .order_by("miner__zone_id")
    )
    for rule in MinerAlertRule.objects.filter(kind=MinerAlertKind.SILENT_ZONE, is_active=True).order_by("pk"):
        for zone in zones:
            mine = rule.zone_id in (None, zone["miner__zone_id"]) and rule.site_id in (
                None,
                zone["miner__zone__site_id"],
            )
            if mine and zone["last"] < at - timedelta(minutes=rule.minutes):
                yield Finding(
                    key=f"{rule.public_id}:{zone['miner__zone_id']}",
                    title=_("%(rule)s: %(place)s")
                    % {"rule": rule, "place": f"{zone['miner__zone__site__name']} / {zone['miner__zone__name']}"},
                    text=_("Nothing was heard since %(moment)s.") % {"moment": f"{zone['last']:%Y-%m-%d %H:%M} UTC"},
                    severity=Severity(rule.severity),
                )
