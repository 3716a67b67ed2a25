"""Jobs: what ran, what is due, and when it runs."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    FieldTextFilter,
    RangeDateTimeFilter,
)
from unfold.decorators import display

from hashinsight.common.admin.actions import limited, may, power, run_for_each
from hashinsight.common.admin.base import BaseAdmin, ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.transitions import MoveRefused
from hashinsight.jobs.domain import work
from hashinsight.jobs.enums import RunState, WorkState
from hashinsight.jobs.models import DueWork, JobRun

RUN_LABELS = {RunState.RUNNING: "info", RunState.DONE: "success", RunState.FAILED: "danger"}
WORK_LABELS = {
    WorkState.PENDING: "info",
    WorkState.CLAIMED: "primary",
    WorkState.DONE: "success",
    WorkState.FAILED: "danger",
}


@admin.register(JobRun)
class JobRunAdmin(ViewOnlyAdmin):
    """Runs of periodic jobs; red where a person has to act."""

    list_display = ("job", "period_start", "state_shown", "started_at", "heartbeat_shown", "finished_at", "attempts")
    list_filter = (
        ("job", FieldTextFilter),
        ("state", ChoicesDropdownFilter),
        ("started_at", RangeDateTimeFilter),
    )
    search_fields = ("job",)
    ordering = ("-started_at", "-id")
    fields = (
        ("job", "period_start", "state"),
        ("started_at", "heartbeat_at", "finished_at"),
        "attempts",
        "result",
        "error",
    )

    @display(description=gettext_lazy("state"), label=RUN_LABELS, ordering="state")
    def state_shown(self, run: JobRun) -> Any:
        return run.state, run.get_state_display()

    @admin.display(description=gettext_lazy("heartbeat"), ordering="heartbeat_at")
    def heartbeat_shown(self, run: JobRun) -> Any:
        """Red when a run says it is at work and nobody has heard of it for too long."""
        age = (timezone.now() - run.heartbeat_at).total_seconds()
        text = run.heartbeat_at.strftime("%Y-%m-%d %H:%M:%S")
        silent = run.state == RunState.RUNNING and age > settings.JOB_CLAIM_SECONDS
        return format_html('<span class="hi-late">{}</span>', text) if silent else text


class RetryPage(ConfirmPage):
    """Once more, with fresh attempts."""

    power = "retry_duework"
    label = gettext_lazy("Try again")
    icon = "replay"
    title = gettext_lazy("Try failed work again")
    button = gettext_lazy("Try again")

    def effect(self) -> Effect:
        """What failed and how."""
        due = self.objects[0]
        if due.state != WorkState.FAILED:
            raise MoveRefused(_("%(work)s is %(state)s.") % {"work": due, "state": due.get_state_display()})
        return Effect(
            facts=[
                (_("work"), due),
                (_("queue"), due.get_queue_display()),
                (_("attempts"), due.attempts),
                (_("last error"), due.last_error),
            ]
        )

    def run(self, obj: DueWork, form: Any) -> Any:
        """One domain call."""
        work.retry_work(obj, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("It will be tried again.")


@admin.register(DueWork)
class DueWorkAdmin(ViewOnlyAdmin):
    """What must happen outside of requests."""

    list_display = ("kind", "key", "state_shown", "queue", "attempts", "created_at", "not_before", "error_shown")
    list_filter = (
        ("state", ChoicesDropdownFilter),
        ("queue", ChoicesDropdownFilter),
        ("kind", FieldTextFilter),
        ("created_at", RangeDateTimeFilter),
    )
    search_fields = ("key", "kind", "request_id")
    ordering = ("-created_at", "-id")
    fields = (
        ("kind", "key", "queue"),
        ("state", "attempts", "max_attempts"),
        "last_error",
        "payload",
        ("created_at", "not_before", "done_at"),
        ("claimed_by", "claimed_until", "request_id"),
    )
    actions = ("retry_selected",)
    pages = {"retry": RetryPage}
    has_retry_duework_permission = power(may("jobs.retry_duework"))

    @display(description=gettext_lazy("state"), label=WORK_LABELS, ordering="state")
    def state_shown(self, due: DueWork) -> Any:
        return due.state, due.get_state_display()

    @admin.display(description=gettext_lazy("last error"))
    def error_shown(self, due: DueWork) -> str:
        return due.last_error[:100]

    def offered(self, request: HttpRequest, obj: DueWork) -> set[str]:
        """Failed work only."""
        return {"retry"} if obj.state == WorkState.FAILED else set()

    @admin.action(description=gettext_lazy("Try again"), permissions=["retry_duework"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[DueWork]) -> None:
        """Each by itself."""
        now = timezone.now()
        run_for_each(
            request,
            limited(queryset),
            lambda due: work.retry_work(due, at=now),
            done=lambda n: ngettext("%(n)s will be tried again.", "%(n)s will be tried again.", n) % {"n": n},
        )


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BaseAdmin):
    """When beat starts what."""

    list_display = ("name", "task", "enabled", "interval", "crontab", "last_run_at", "total_run_count")
    list_select_related = ("interval", "crontab")
    list_filter = (("enabled", BooleanRadioFilter), ("task", FieldTextFilter))
    search_fields = ("name", "task")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": (("name", "task", "enabled"), "description")}),
        (gettext_lazy("When"), {"fields": (("interval", "crontab"), ("start_time", "expires", "one_off"))}),
        (gettext_lazy("How"), {"fields": ("queue", ("last_run_at", "total_run_count", "date_changed"))}),
    )
    readonly_fields = ("last_run_at", "total_run_count", "date_changed")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The name belongs to the job, which finds its schedule by it."""
        return (*super().get_readonly_fields(request, obj), *(("name", "task") if obj is not None else ()))


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(BaseAdmin):
    """Every so many seconds, minutes, hours."""

    list_display = ("__str__", "every", "period")
    search_fields = ("every", "period")
    ordering = ("period", "every")


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseAdmin):
    """At certain times, in UTC."""

    list_display = ("__str__", "timezone")
    search_fields = ("minute", "hour")
    ordering = ("hour", "minute", "id")
