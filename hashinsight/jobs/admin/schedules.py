"""When beat starts what: schedules, and the buttons of a job."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from unfold.contrib.filters.admin import BooleanRadioFilter, FieldTextFilter

from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, ReasonForm
from hashinsight.common.admin.display import moment_text
from hashinsight.common.transitions import MoveRefused
from hashinsight.jobs.domain import switching
from hashinsight.jobs.domain.status import job_status
from hashinsight.jobs.registry import PeriodicJob, find_job


class JobPage(ConfirmPage):
    """What the buttons of a job share: they lead back to the page of all jobs."""

    @property
    def job(self) -> PeriodicJob:
        """The job behind the schedule; raises MoveRefused for a schedule of somebody's own."""
        job = find_job(self.objects[0].name)
        if job is None:
            raise MoveRefused(_("%(name)s is no job of the product.") % {"name": self.objects[0].name})
        return job

    def facts(self) -> list[tuple[Any, Any]]:
        """What the job is for, and how it stands."""
        status = job_status(self.job, at=timezone.now())
        last = status.last
        return [
            (_("job"), self.job.description),
            (_("last run"), f"{moment_text(last.started_at)}, {last.get_state_display()}" if last else _("never")),
            (_("next run"), moment_text(status.next_at) if status.next_at else _("never, it is switched off")),
        ]

    def back_url(self) -> str:
        """All jobs."""
        return reverse("admin:jobs_jobrun_overview")


class RunNowPage(JobPage):
    """Once, now, without waiting for beat."""

    power = "run_job"
    label = gettext_lazy("Run now")
    icon = "play_arrow"
    title = gettext_lazy("Run job now")
    button = gettext_lazy("Run now")

    def effect(self) -> Effect:
        """What it does, and whether it runs already."""
        return Effect(facts=self.facts(), warnings=switching.why_not_now(self.job))

    def run(self, obj: PeriodicTask, form: Any) -> Any:
        """One domain call."""
        switching.run_now(self.job, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("A worker has been asked; the run appears here within seconds.")


class SwitchPage(JobPage):
    """On or off."""

    power = "switch_job"
    form_class = ReasonForm
    enabled: bool

    def effect(self) -> Effect:
        """How it stands."""
        if self.objects[0].enabled == self.enabled:
            raise MoveRefused(_("It is switched on already.") if self.enabled else _("It is switched off already."))
        return Effect(facts=self.facts(), warnings=self.consequences())

    def consequences(self) -> list[Any]:
        """What one should know before."""
        return []

    def run(self, obj: PeriodicTask, form: Any) -> Any:
        """One domain call."""
        reason = form.cleaned_data["reason"]
        switching.switch_job(obj, enabled=self.enabled, reason=reason, by=self.request.user, at=timezone.now())


class SwitchOffPage(SwitchPage):
    """Beat leaves it out."""

    label = gettext_lazy("Switch off")
    icon = "pause"
    danger = True
    title = gettext_lazy("Switch job off")
    button = gettext_lazy("Switch off")
    enabled = False

    def consequences(self) -> list[Any]:
        """Nobody else does its work."""
        return [_("Nobody does its work until it is switched on again.")]

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The job is switched off.")


class SwitchOnPage(SwitchPage):
    """Beat starts it again."""

    label = gettext_lazy("Switch on")
    icon = "play_circle"
    title = gettext_lazy("Switch job on")
    button = gettext_lazy("Switch on")
    enabled = True

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The job is switched on.")


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BaseAdmin):
    """When beat starts what."""

    list_display = ("name", "enabled", "interval", "crontab", "last_run_at")
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
    pages = {"run": RunNowPage, "switch-off": SwitchOffPage, "switch-on": SwitchOnPage}
    has_run_job_permission = power(may("jobs.run_job"))
    has_switch_job_permission = power(may("jobs.switch_job"))

    def offered(self, request: HttpRequest, obj: PeriodicTask) -> set[str]:
        """The buttons of a job of ours."""
        if find_job(obj.name) is None:
            return set()
        return {"run", "switch-off" if obj.enabled else "switch-on"}

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
