"""What goes wrong with market data, found by the watch of the notifications; and how old what we have is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from hashinsight.notify.registry import Finding
from marketdata.domain.prices import standing
from marketdata.models import NetworkSnapshot, PriceSeries

STALE_AFTER = timedelta(minutes=45)


@dataclass(frozen=True)
class Present:
    """The last good snapshot and how old it is; ``is_stale`` when it is older than 45 minutes, or there is none."""

    snapshot: NetworkSnapshot | None
    age: timedelta | None
    is_stale: bool


def present(*, at: datetime) -> Present:
    """What is known of the network now: offline is a state with an age, not an error."""
    found = NetworkSnapshot.objects.valid().filter(recorded_at__lte=at).order_by("-recorded_at").first()
    if found is None:
        return Present(None, None, is_stale=True)
    age = at - found.recorded_at
    return Present(found, age, is_stale=age > STALE_AFTER)


def stale_market(at: datetime) -> Iterator[Finding]:
    """No good snapshot for 45 minutes, though we collect."""
    now = present(at=at)
    if not settings.MARKET_COLLECT or not now.is_stale:
        return
    newest = NetworkSnapshot.objects.order_by("-recorded_at").first()
    if newest is None:
        return  # nothing was ever collected: a new house
    since = f"{now.snapshot.recorded_at:%Y-%m-%d %H:%M} UTC" if now.snapshot else _("never")
    yield Finding(
        key="network",
        title=_("Market data are stale"),
        text=_("The last good snapshot: %(since)s. The newest says: %(reason)s")
        % {"since": since, "reason": newest.reason or _("nothing")},
    )


def stale_series(at: datetime) -> Iterator[Finding]:
    """Active series that are asked for and whose newest value is older than they allow."""
    for series in PriceSeries.objects.filter(is_active=True).exclude(adapter="none").order_by("pk"):
        now = standing(series, at=at)
        if now.is_stale:
            last = f"{now.last_end:%Y-%m-%d %H:%M} UTC" if now.last_end else _("none")
            yield Finding(
                key=str(series.public_id),
                title=_("The price series %(series)s is stale") % {"series": series},
                text=_("Its last value ends: %(last)s. %(trouble)s") % {"last": last, "trouble": series.trouble},
            )
