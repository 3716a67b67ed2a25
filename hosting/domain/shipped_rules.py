"""Alert rules every installation begins with: made once, then they belong to people, who change or delete them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from hashinsight.notify.enums import Severity
from hosting.enums import MinerAlertKind
from hosting.models import MinerAlertRule, ShippedAlertRule

LOCK = 4_731_005  # advisory, of the transaction


@dataclass(frozen=True)
class ShippedRule:
    """``key`` is what is remembered of it; ``threshold`` is in the unit of its kind."""

    key: str
    name: str
    kind: MinerAlertKind
    threshold: Decimal
    minutes: int
    severity: Severity = Severity.WARNING


# Wide enough for air-cooled machines of all makers; what suits a hall better is for people to say.
SHIPPED = (
    ShippedRule("hashrate", "Low hashrate", MinerAlertKind.HASHRATE, Decimal(80), 15),
    ShippedRule("chip", "Hot chips", MinerAlertKind.CHIP, Decimal(95), 5, Severity.ERROR),
    ShippedRule("board", "Hot boards", MinerAlertKind.BOARD, Decimal(85), 5, Severity.ERROR),
    ShippedRule("fan", "Fan stands or is slow", MinerAlertKind.FAN, Decimal(1000), 5),
    ShippedRule("restarts", "Restarts again and again", MinerAlertKind.RESTARTS, Decimal(3), 1),
    ShippedRule("rejects", "Many rejected shares", MinerAlertKind.REJECTS, Decimal(5), 15),
    ShippedRule("silent_zone", "Silent zone", MinerAlertKind.SILENT_ZONE, Decimal(0), 15, Severity.ERROR),
)


@transaction.atomic
def seed_alert_rules(*, at: datetime) -> int:
    """Make the shipped rules that were never made; returns how many were new.

    What a person deleted or renamed stays so. An installation with rules of its own, from before there were shipped
    ones, is left as it is; only rules that come with later releases are made there.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    known = set(ShippedAlertRule.objects.values_list("key", flat=True))
    fresh = [rule for rule in SHIPPED if rule.key not in known]
    if not fresh:
        return 0
    taken = set(MinerAlertRule.objects.values_list("name", flat=True))
    made = [] if taken and not known else [rule for rule in fresh if rule.name not in taken]
    for rule in made:
        MinerAlertRule.objects.create(
            name=rule.name, kind=rule.kind, threshold=rule.threshold, minutes=rule.minutes, severity=rule.severity,
            created_at=at,
        )  # fmt: skip
    ShippedAlertRule.objects.bulk_create([ShippedAlertRule(key=rule.key, made_at=at) for rule in fresh])
    return len(made)
