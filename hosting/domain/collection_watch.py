"""What goes wrong with reading machines, found by the watch of the notifications."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashinsight.jobs.enums import RunState
from hashinsight.jobs.models import JobRun
from hashinsight.notify.registry import Finding
from hosting.domain.collection import collected_miners, job_of
from hosting.enums import PlaceStatus
from hosting.models import MinerContact, Site

LATE_AFTER_PERIODS = 3
LATE_AFTER_AT_LEAST = timedelta(minutes=5)
_NAMED = 10


def late_collections(at: datetime) -> Iterator[Finding]:
    """Sites whose machines nobody has finished reading for three periods: of them nothing is known."""
    here = collected_miners().filter(site_id=OuterRef("pk"))
    sites = Site.objects.filter(Exists(here), status=PlaceStatus.ACTIVE).order_by("pk")
    runs = JobRun.objects.filter(job__in=[job_of(site) for site in sites], state=RunState.DONE)
    last = dict(runs.values_list("job").annotate(last=Max("started_at")))
    for site in sites:
        since = (
            last.get(job_of(site)) or collected_miners().filter(site=site).aggregate(last=Max("deployed_at"))["last"]
        )
        patience = max(LATE_AFTER_AT_LEAST, LATE_AFTER_PERIODS * timedelta(seconds=site.collection_interval_s))
        if since is not None and since < at - patience:
            yield Finding(
                key=str(site.public_id),
                title=_("The machines at %(site)s are not read") % {"site": site},
                text=_("The last reading of the whole site was at %(moment)s.")
                % {"moment": f"{since:%Y-%m-%d %H:%M} UTC"},
            )


def other_machines(at: datetime) -> Iterator[Finding]:
    """Sites with machines that say they are others than our data have at their addresses."""
    rows = MinerContact.objects.exclude(differs=[]).filter(miner__site__isnull=False)
    for site_id, public_id, name, count in (
        rows.values_list("miner__site_id", "miner__site__public_id", "miner__site__name")
        .annotate(count=Count("pk"))
        .order_by("miner__site_id")
    ):
        first = rows.filter(miner__site_id=site_id).select_related("miner").order_by("pk")[:_NAMED]
        yield Finding(
            key=str(public_id),
            title=ngettext(
                "%(count)s machine at %(site)s says it is another one",
                "%(count)s machines at %(site)s say they are other ones",
                count,
            )
            % {"count": count, "site": name},
            text=", ".join(f"{row.miner} ({row.miner.address})" for row in first),
        )  # fmt: skip
