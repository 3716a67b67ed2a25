"""Jobs: what ran, what is due, and the page that tells how all of them stand."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import ChoicesDropdownFilter, FieldTextFilter, RangeDateTimeFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import limited, may, power, run_for_each
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import Badge, moment_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.transitions import MoveRefused
from hashinsight.jobs.admin.words import jobs_in_words, lead_in_words, seconds_text
from hashinsight.jobs.domain import work
from hashinsight.jobs.domain.status import all_job_states
from hashinsight.jobs.enums import RunState, WorkState
from hashinsight.jobs.models import DueWork, JobRun

RUN_LABELS = {
    RunState.DUE: "info",
    RunState.RUNNING: "primary",
    RunState.DONE: "success",
    RunState.FAILED: "danger",
    RunState.MISSED: "warning",
}
WORK_LABELS = {
    WorkState.PENDING: "info",
    WorkState.CLAIMED: "primary",
    WorkState.DONE: "success",
    WorkState.FAILED: "danger",
}


class JobsPage(ObjectPage):
    """Every job of the product: last and next run, how long it takes, what is wrong, and its buttons."""

    for_one = False
    for_none = True
    power = "look_at_jobs"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The same states as on the start page."""
        page = self.model_admin
        context = {
            **page.admin_site.each_context(request),
            "title": _("Jobs"),
            "subtitle": None,
            "opts": page.opts,
            "rows": jobs_in_words(all_job_states(at=timezone.now())),
            "lead": lead_in_words(),
            "may_run": request.user.has_perm("jobs.run_job"),
            "may_switch": request.user.has_perm("jobs.switch_job"),
        }
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "admin/jobs/overview.html", context)


@admin.register(JobRun)
class JobRunAdmin(ViewOnlyAdmin):
    """Runs of periodic jobs; red where a person has to act."""

    pages = {"overview": JobsPage}
    has_look_at_jobs_permission = power(may("jobs.view_jobrun"))
    list_display = ("job", "period_start", "state_shown", "started_at", "heartbeat_shown", "duration_shown", "attempts")
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
        ("attempts", "is_manual", "asked_by"),
        "result",
        "error",
    )

    @display(description=gettext_lazy("state"), label=RUN_LABELS, ordering="state")
    def state_shown(self, run: JobRun) -> Any:
        return Badge(run.state, run.get_state_display())

    @admin.display(description=gettext_lazy("took"))
    def duration_shown(self, run: JobRun) -> str:
        """From beginning to end."""
        return seconds_text((run.finished_at - run.started_at).total_seconds()) if run.finished_at else "–"

    @admin.display(description=gettext_lazy("heartbeat"), ordering="heartbeat_at")
    def heartbeat_shown(self, run: JobRun) -> Any:
        """Red when a run says it is at work and nobody has heard of it for too long."""
        age = (timezone.now() - run.heartbeat_at).total_seconds()
        text = moment_text(run.heartbeat_at)
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
        return Badge(due.state, due.get_state_display())

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
