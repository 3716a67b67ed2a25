"""The database in words: what is large, what grows, what should be looked at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.actions import may, power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.jobs.domain import care
from hashinsight.jobs.models import JobSwitch, TableSize

SHOWN = 25


class DatabasePage(ObjectPage):
    """Sizes, growth, dead rows, long transactions and indexes, with a sentence where somebody should act."""

    for_one = False
    for_none = True
    power = "look_at_database"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Read from the server's own statistics; no table is counted."""
        page = self.model_admin
        tables = care.tables(on=timezone.now().date())
        server, indexes = care.server(), care.indexes()
        context = {
            **page.admin_site.each_context(request),
            "title": _("Database"),
            "subtitle": None,
            "opts": page.opts,
            "server": server,
            "tables": tables[:SHOWN],
            "left_out": max(len(tables) - SHOWN, 0),
            "indexes": indexes,
            "advice": advice(server, tables, indexes),
        }
        request.current_app = page.admin_site.name
        return TemplateResponse(request, "admin/jobs/database.html", context)


def advice(server: care.Server, tables: list[care.Table], indexes: list[care.Index]) -> list[str]:
    """What somebody should do, in sentences; empty when all is well."""
    found = []
    if server.is_held_up and server.longest_transaction is not None:
        minutes = int(server.longest_transaction.total_seconds() // 60)
        found.append(
            _(
                "A transaction has been open for %(minutes)s minutes. Nothing deleted since then can be cleaned up;"
                " find it in pg_stat_activity and end its program."
            )
            % {"minutes": minutes}
        )
    if server.connections > 0.8 * server.max_connections:
        found.append(
            _("%(used)s of %(most)s connections are taken. Lower the pools or raise max_connections.")
            % {"used": server.connections, "most": server.max_connections}
        )
    found += [
        _(
            "%(table)s consists of %(share)s %% dead rows. Autovacuum does not keep up: see when it last ran, and run"
            " VACUUM on it."
        )
        % {"table": table.name, "share": round(100 * table.dead_share)}
        for table in tables
        if table.is_bloated
    ]
    found += [
        _("Index %(index)s takes %(size)s and was never used. If that holds on every server, a migration may drop it.")
        % {"index": index.name, "size": filesizeformat(index.size_bytes)}
        for index in indexes
        if not index.scans
    ]
    return found + [
        _("Index %(index)s is more than twice as large as its table. REINDEX INDEX CONCURRENTLY makes it small again.")
        % {"index": index.name}
        for index in indexes
        if index.scans
    ]


@admin.register(TableSize)
class TableSizeAdmin(ViewOnlyAdmin):
    """Sizes of tables, day by day."""

    pages = {"overview": DatabasePage}
    has_look_at_database_permission = power(may("jobs.view_tablesize"))
    list_display = ("table", "measured_on", "size_shown", "row_estimate")
    search_fields = ("table",)
    ordering = ("-measured_on", "-total_bytes")

    @admin.display(description=gettext_lazy("size"), ordering="total_bytes")
    def size_shown(self, row: TableSize) -> str:
        return filesizeformat(row.total_bytes)


@admin.register(JobSwitch)
class JobSwitchAdmin(ViewOnlyAdmin):
    """Who switched which job on or off, and why."""

    list_display = ("job", "is_enabled", "switched_by", "switched_at", "reason")
    search_fields = ("job", "switched_by")
    ordering = ("-switched_at", "-id")
