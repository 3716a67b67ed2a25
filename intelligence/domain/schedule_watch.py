"""What somebody has to know about schedules: findings for the alert rules."""

from collections.abc import Iterator
from datetime import datetime

from django.utils.translation import gettext as _

from hashinsight.notify.registry import Finding
from intelligence.enums import AnswerLabel
from intelligence.models import ScheduleRun


def unplanned_days(at: datetime) -> Iterator[Finding]:
    """Days of sites that have no plan, or none of the optimiser: something is not known, or stands against it."""
    rows = ScheduleRun.objects.current().filter(
        site__schedule_settings__is_on=True, ends_at__gt=at,
        label__in=(AnswerLabel.SAFE_STATE, AnswerLabel.REFUSED, AnswerLabel.FALLBACK),
    )  # fmt: skip
    for run in rows.select_related("site").order_by("pk"):
        yield Finding(
            key=f"{run.site.public_id}:{run.target_date}" if run.site else str(run.public_id),
            title=_("%(schedule)s: %(label)s") % {"schedule": run, "label": run.get_label_display()},
            text=run.note or _("The solver gave nothing that can be used in the time there was."),
        )
