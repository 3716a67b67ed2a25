"""The tile of the start page: what is wrong right now."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hashinsight.common.tiles import Tile, register_tile
from hashinsight.notify.enums import SEVERITY_ORDER, AlertState, Severity
from hashinsight.notify.models import Alert


def open_alerts() -> Mapping[str, Any]:
    """Live alerts by severity; red while one is open that nobody has taken up."""
    live = Alert.objects.exclude(state=AlertState.ENDED)
    found = list(live.values("severity", "state").annotate(count=Count("pk")))
    by_severity = dict.fromkeys(Severity, 0)
    for row in found:
        by_severity[Severity(row["severity"])] += row["count"]
    count = sum(by_severity.values())
    worst_first = sorted(by_severity.items(), key=lambda pair: -SEVERITY_ORDER[pair[0]])
    return {
        "big": count,
        "noun": ngettext("live alert", "live alerts", count),
        "bad": any(row["state"] == AlertState.OPEN for row in found),
        "rows": [{"label": severity.label, "count": number} for severity, number in worst_first if number],
        "url": f"{reverse('admin:notify_alert_changelist')}?state__exact=open",
        "empty": "" if count else _("Nothing is wrong."),
    }


def register_tiles() -> None:
    """Called once from ``ready()``."""
    register_tile(
        Tile(
            "notify.alerts",
            gettext_lazy("Alerts"),
            "notify.view_alert",
            "admin/house/tiles/number.html",
            open_alerts,
            60,
            1,
        )
    )
