"""Machines from files: the upload, the dry run as a page, the confirmation, the list of what was imported."""

from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, MultipleChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import ViewOnlyAdmin
from hashinsight.common.admin.confirm import ConfirmPage, Effect, Table
from hashinsight.common.admin.display import Badge
from hashinsight.common.admin.importing import ImportPage, UploadForm
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.exports import csv_lines
from hashinsight.common.uploads import CSV, XLSX, UploadField
from hosting import rules
from hosting.admin import labels
from hosting.admin.export_columns import PROBLEM_COLUMNS, ProblemOfFile
from hosting.domain.miner_import import steps
from hosting.engine.miner_files import ALIASES, COLUMNS, REQUIRED
from hosting.enums import ImportState
from hosting.models import MinerImport
from hosting.work import progress_key

MOST_PROBLEMS_SHOWN = 100
WORKING = (ImportState.UPLOADED, ImportState.CONFIRMED)
LOOK_AGAIN_SECONDS = "3"
_MEANINGS = {
    "serial": gettext_lazy("serial number"),
    "maker": gettext_lazy("maker; needed where the catalogue does not know the model"),
    "model": gettext_lazy("model as in the catalogue; another is kept as it is written"),
    "site": gettext_lazy("name of the site; empty: the storeroom"),
    "zone": gettext_lazy("name of the zone at the site"),
    "rack": gettext_lazy("name of the rack in the zone"),
    "slot": gettext_lazy("slot in the rack"),
    "customer": gettext_lazy("customer number or company name; empty: our own"),
    "address": gettext_lazy("IP address"),
    "port": gettext_lazy("port of the machine's interface, 4028 unless stated"),
    "mac": gettext_lazy("MAC address"),
    "power_w": gettext_lazy("power as set (W); empty: as the model says"),
    "purchased_on": gettext_lazy("day of purchase"),
    "warranty_until": gettext_lazy("warranty until"),
    "owner_since": gettext_lazy("whose it is since: a day at the site, or a quarter-hour with its offset"),
    "note": gettext_lazy("internal note"),
}


class MinerUploadForm(UploadForm):
    """The file, with room for a whole farm."""

    file = UploadField(
        kinds=(CSV, XLSX), most_bytes=steps.LIMITS.bytes, label=gettext_lazy("File (CSV or XLSX)"),
        help_text=gettext_lazy("Up to 25,000 machines."),
    )  # fmt: skip


class ImportMinersPage(ImportPage):
    """``import/`` above the list of machines: the upload; everything further happens on the page of the import."""

    power = "import_miner"
    title = gettext_lazy("Import miners")

    form_class = MinerUploadForm

    def take(self, content: bytes, name: str) -> HttpResponse:
        """Keep the file and lead to its dry run. Raises FileRefused."""
        kept = steps.receive(content, name=name, by=self.request.user, at=timezone.now())
        page = self.model_admin.admin_site._registry[MinerImport]
        return HttpResponseRedirect(page.url_of("change", kept.pk))

    def described(self) -> list[dict[str, Any]]:
        """The columns, and some of the names people give them."""
        return [
            {"name": name, "label": _MEANINGS[name], "required": name in REQUIRED, "choices": ", ".join(ALIASES[name])}
            for name in COLUMNS
        ]


class ConfirmImportPage(ConfirmPage):
    """A person says yes to what the dry run showed."""

    power = "import_miner"
    label = gettext_lazy("Import these machines")
    icon = "task_alt"
    title = gettext_lazy("Import these machines")
    button = gettext_lazy("Import them")

    def effect(self) -> Effect:
        """What comes, where to, whose."""
        kept = self.objects[0]
        if kept.state != ImportState.CHECKED:
            raise steps.ImportRefused(_("This file is not waiting for a confirmation."))
        report = kept.report
        effect = Effect(
            facts=[
                (_("file"), kept.file_name),
                (_("SHA-256"), kept.sha256),
                (_("machines that are new"), report.get("new", 0)),
                (_("machines that are there already, just like this"), report.get("unchanged", 0)),
            ],
            tables=[place_table(kept), customer_table(kept)],
        )
        if not report.get("new"):
            effect.warnings = [_("All of them are in the fleet already: nothing will change.")]
        return effect

    def run(self, obj: MinerImport, form: Any) -> Any:
        """One domain call."""
        steps.confirm(obj, sha256=obj.sha256, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("Confirmed. All machines are entered, or none.")


class ProblemsPage(ObjectPage):
    """All problems of a file as a table."""

    power = "import_miner"
    label = gettext_lazy("Problems as CSV")
    icon = "download"

    def get(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """The file."""
        rows = [ProblemOfFile(*problem) for problem in self.objects[0].problems]
        response = StreamingHttpResponse(csv_lines(PROBLEM_COLUMNS, rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="problems-{self.objects[0].pk}.csv"'
        return response


def place_table(kept: MinerImport) -> Table:
    """What comes to each site and zone."""
    rows = [
        (row["place"], row["machines"], row["more"], row["placed"], row["usable"], row["over"])
        for row in kept.report.get("zones", ())
    ]
    headers = (_("place"), _("machines"), _("kW more"), _("kW taken"), _("kW in all"), _("kW too much"))
    return Table(headers, rows, right=(1, 2, 3, 4, 5), title=_("By place"))


def customer_table(kept: MinerImport) -> Table:
    """What comes for each customer."""
    rows = [(row["customer"] or _("our own"), row["machines"], row["kw"]) for row in kept.report.get("customers", ())]
    return Table((_("customer"), _("machines"), _("kW")), rows, right=(1, 2), title=_("By customer"))


def _drawn(table: Table) -> Any:
    if not table.rows:
        return "–"
    right = set(table.right)
    head = format_html_join(
        "", '<th scope="col"{}>{}</th>', ((_class(place in right), one) for place, one in enumerate(table.headers))
    )
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        (
            (format_html_join("", "<td{}>{}</td>", ((_class(p in right), cell) for p, cell in enumerate(row))),)
            for row in table.rows
        ),
    )
    return format_html(
        '<div class="hi-scroll"><table class="hi-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        head,
        body,
    )


def _class(right: bool) -> Any:
    return format_html(' class="{}"', "hi-right") if right else ""


@admin.register(MinerImport)
class MinerImportAdmin(ViewOnlyAdmin):
    """Imports: what each file would do or did."""

    list_display = ("file_name", "state_shown", "rows_shown", "new_shown", "uploaded_by", "created_at", "done_at")
    list_select_related = ("uploaded_by",)
    list_filter = (
        ("state", MultipleChoicesDropdownFilter),
        ("uploaded_by", AutocompleteSelectFilter),
        ("created_at", RangeDateFilter),
    )
    search_fields = ("file_name", "sha256", "request_id")
    ordering = ("-created_at", "-id")
    empty_hint = gettext_lazy("Files are uploaded above the list of miners.")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("file_name", "state_shown", "progress_shown"), ("rows_shown", "new_shown", "unchanged_shown"),
                )
            },
        ),
        (gettext_lazy("Effect"), {"fields": ("places_shown", "customers_shown")}),
        (gettext_lazy("Problems"), {"fields": ("problems_shown",)}),
        (
            gettext_lazy("More"),
            {
                "classes": ["collapse"],
                "fields": (
                    ("uploaded_by", "confirmed_by"), ("confirmed_at", "done_at"), ("sha256", "request_id"),
                ),
            },
        ),
    )  # fmt: skip
    readonly_fields = (
        "state_shown", "progress_shown", "rows_shown", "new_shown", "unchanged_shown", "places_shown",
        "customers_shown", "problems_shown",
    )  # fmt: skip
    pages = {"confirm": ConfirmImportPage, "problems": ProblemsPage}
    has_import_miner_permission = power(rules.may_import_miner)

    def get_queryset(self, request: HttpRequest) -> Any:
        """Without the file itself."""
        return super().get_queryset(request).defer("content")

    def offered(self, request: HttpRequest, obj: MinerImport) -> set[str]:
        """What makes sense now."""
        found = {"confirm"} if obj.state == ImportState.CHECKED else set()
        return found | ({"problems"} if obj.problems else set())

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """While somebody works on it the page looks again by itself."""
        response = super().render_change_form(request, context, *args, **kwargs)
        obj = kwargs.get("obj")
        if obj is not None and obj.state in WORKING:
            response["Refresh"] = LOOK_AGAIN_SECONDS
        return response

    @display(description=gettext_lazy("state"), label=labels.IMPORT, ordering="state")
    def state_shown(self, kept: MinerImport) -> Any:
        return Badge(kept.state, kept.get_state_display())

    @admin.display(description=gettext_lazy("progress"))
    def progress_shown(self, kept: MinerImport) -> str:
        if kept.state == ImportState.UPLOADED:
            return _("The file is being tried; this page looks again by itself.")
        if kept.state == ImportState.CONFIRMED:
            done = cache.get(progress_key(kept.pk), 0)
            return _("%(done)s of %(all)s machines entered; this page looks again by itself.") % {
                "done": done, "all": kept.report.get("new", 0),
            }  # fmt: skip
        return {
            ImportState.CHECKED: _("The dry run went well. Nothing is entered yet: look at the effect, then confirm."),
            ImportState.REFUSED: _("Nothing was entered. Mend the file and upload it again."),
            ImportState.DONE: _("All machines of the file are in the fleet."),
            ImportState.FAILED: _("Something had changed since the dry run. Nothing was entered; upload it again."),
        }[ImportState(kept.state)]

    @admin.display(description=gettext_lazy("rows"))
    def rows_shown(self, kept: MinerImport) -> Any:
        return kept.report.get("rows", "–")

    @admin.display(description=gettext_lazy("new"))
    def new_shown(self, kept: MinerImport) -> Any:
        return kept.report.get("new", "–")

    @admin.display(description=gettext_lazy("there already"))
    def unchanged_shown(self, kept: MinerImport) -> Any:
        return kept.report.get("unchanged", "–")

    @admin.display(description=gettext_lazy("by place"))
    def places_shown(self, kept: MinerImport) -> Any:
        return _drawn(place_table(kept))

    @admin.display(description=gettext_lazy("by customer"))
    def customers_shown(self, kept: MinerImport) -> Any:
        return _drawn(customer_table(kept))

    @admin.display(description=gettext_lazy("problems"))
    def problems_shown(self, kept: MinerImport) -> Any:
        count = len(kept.problems)
        if not count:
            return _("none")
        rows = [(line or "", text) for line, text in kept.problems[:MOST_PROBLEMS_SHOWN]]
        said = ngettext("%(n)s problem", "%(n)s problems", count) % {"n": count}
        more = _("The first %(n)s are shown; all of them are in the CSV.") % {"n": MOST_PROBLEMS_SHOWN}
        return format_html(
            "<p>{} {}</p>{}", said, more if count > MOST_PROBLEMS_SHOWN else "",
            _drawn(Table((_("Line"), _("Problem")), rows, right=(0,))),
        )  # fmt: skip
