"""Files of prices, days and difficulty periods: tried first, then kept."""

import secrets
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.display import moment_text
from hashinsight.common.admin.importing import KEEP_SECONDS, ImportPage, UploadForm
from hashinsight.common.uploads import CSV, UploadField
from marketdata.domain.importing import Imported, ImportRefused, import_market_file, import_prices

MOST_BYTES = 4 * 1024 * 1024
MOST_GAPS = 20


class MarketFileForm(UploadForm):
    """The file."""

    file = UploadField(
        kinds=(CSV,), most_bytes=MOST_BYTES, label=gettext_lazy("File (CSV)"),
        help_text=gettext_lazy("Larger ones by the command import_market_data."),
    )  # fmt: skip


class PricesForm(MarketFileForm):
    """The file, and which of its columns holds the value."""

    column = forms.CharField(
        label=gettext_lazy("Column of the value"), max_length=100, required=False,
        help_text=gettext_lazy("Needed when the file has several columns beside the time."),
    )  # fmt: skip
    is_settled = forms.BooleanField(
        label=gettext_lazy("These values are settled"), required=False,
        help_text=gettext_lazy("Settled values are replaced by settled ones only."),
    )  # fmt: skip


class FileImportPage(ImportPage):
    """Upload, look at what would happen, confirm; the file waits in the cache in between."""

    template_name = "marketdata/admin/import.html"
    form_class = MarketFileForm
    columns: ClassVar[tuple[tuple[str, Any, bool], ...]] = ()

    def take(self, content: bytes, name: str) -> HttpResponse:
        """The dry run of a file that was uploaded. Raises FileRefused."""
        found = self.keep(content, name, self.said, dry_run=True)
        token = secrets.token_urlsafe(16)
        cache.set(self._key(token), (name, content, self.said), KEEP_SECONDS)
        return self.show(
            {"form": self.form_class(initial=self.said), "token": token, "file_name": name, **_shown(found)}
        )

    def finish(self, request: HttpRequest, token: str) -> HttpResponse:
        """Keep what was tried."""
        waiting = cache.get(self._key(token))
        if waiting is None or not cache.delete(self._key(token)):  # of two clicks only one takes the file
            messages.error(request, _("This file was imported already, or it is not kept any more."))
            return HttpResponseRedirect(request.path)
        name, content, said = waiting
        try:
            found = self.keep(content, name, said, dry_run=False)
        except ImportRefused as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.path)
        messages.success(
            request,
            _("%(new)s new, %(changed)s changed, %(same)s were there already, %(left_out)s lines left out.")
            % {"new": found.new, "changed": found.changed, "same": found.same, "left_out": found.left_out},
        )
        return HttpResponseRedirect(self.back_url() if self.objects else self.model_admin.url_of("changelist"))

    def keep(self, content: bytes, name: str, said: dict[str, Any], *, dry_run: bool) -> Imported:
        """The one domain call."""
        raise NotImplementedError

    def described(self) -> list[dict[str, Any]]:
        """The columns."""
        return [{"name": name, "label": label, "required": needed} for name, label, needed in self.columns]


class ImportDaysPage(FileImportPage):
    """Days or difficulty periods, as the heading says."""

    power = "import_market"
    title = gettext_lazy("Import days or difficulty periods")
    columns = (
        ("date", gettext_lazy("day (UTC), as 2026-11-30"), True),
        ("price_usd", gettext_lazy("close in USD; close and close_usd mean the same"), True),
        ("open, high, low, volume", gettext_lazy("of the day, in USD"), False),
        ("difficulty", gettext_lazy("raw, not in T"), False),
        ("hashrate_ehs", gettext_lazy("of the network in EH/s; hashrate_hps in H/s"), False),
        ("height", gettext_lazy("of the last block of the day; the subsidy follows from it"), False),
        ("fees_per_block_btc", gettext_lazy("mean of the day; or fees_btc with subsidy_btc of the whole day"), False),
        ("height_first, bits, starts_at", gettext_lazy("instead of days: periods of 2,016 blocks"), False),
    )

    def keep(self, content: bytes, name: str, said: dict[str, Any], *, dry_run: bool) -> Imported:
        """Of the whole network."""
        return import_market_file(content, source=name, by=self.request.user, at=timezone.now(), dry_run=dry_run)


class ImportPricesPage(FileImportPage):
    """Values of one series."""

    for_one = True
    for_none = False
    power = "import_market"
    label = gettext_lazy("Import prices")
    icon = "upload"
    title = gettext_lazy("Import prices")
    form_class = PricesForm
    columns = (
        ("datetime_utc", gettext_lazy("start of the interval in UTC"), False),
        ("timestamp_local", gettext_lazy("or by the clock of the series' time zone"), False),
        ("settlement_date, settlement_period", gettext_lazy("or the half-hour of the local day, from 1"), False),
        ("…", gettext_lazy("the value in the unit of the series, under any name"), True),
    )

    def keep(self, content: bytes, name: str, said: dict[str, Any], *, dry_run: bool) -> Imported:
        """Of this series."""
        return import_prices(
            self.objects[0], content, column=said["column"] or None, source=name, by=self.request.user,
            at=timezone.now(), is_settled=said["is_settled"], dry_run=dry_run,
        )  # fmt: skip

    def show(self, context: dict[str, Any]) -> HttpResponse:
        """Back leads to the series."""
        return super().show({"back_url": self.back_url(), **context})


def _shown(found: Imported) -> dict[str, Any]:
    return {
        "found": found,
        "troubles": found.troubles,
        "gaps": [(moment_text(start), moment_text(end)) for start, end in found.gaps[:MOST_GAPS]],
        "gap_count": len(found.gaps),
    }
