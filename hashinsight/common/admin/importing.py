"""Import of a file in two steps: a dry run with an error per row, then all rows or none."""

import logging
import secrets
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export import resources, widgets
from tablib import Dataset

from hashinsight.common.admin.forms import refusal_texts
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.admin.widgets import dress
from hashinsight.common.errors import DomainError
from hashinsight.common.imports import MOST_BYTES, FileRefused, SheetRows, read_sheet
from hashinsight.common.uploads import CSV, XLSX, UploadField

logger = logging.getLogger(__name__)
KEEP_SECONDS = 30 * 60
MOST_PROBLEMS_SHOWN = 200


class NumberWidget(widgets.Widget):
    """A plain decimal number; anything a spreadsheet made of it is refused by name."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """The number; raises ValueError in words for a person."""
        field = forms.DecimalField(localize=False, required=False)
        try:
            return field.clean(str(value))
        except ValidationError as error:
            raise ValueError(_("“%(value)s” is no number like 1234.50.") % {"value": str(value)[:40]}) from error


class WholeNumberWidget(NumberWidget):
    """The same without a fraction: 1.5 is not quietly made 1."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """The number; raises ValueError in words for a person."""
        number = super().clean(value, row, **kwargs)
        if number is not None and number != number.to_integral_value():
            raise ValueError(_("“%(value)s” is no whole number.") % {"value": str(value)[:40]})
        return number


class YesNoWidget(widgets.Widget):
    """Yes or no in the words of people and (English or German) spreadsheets; any other is refused, not read as no."""

    YES: ClassVar[frozenset[str]] = frozenset({"true", "yes", "1", "wahr", "ja"})
    NO: ClassVar[frozenset[str]] = frozenset({"false", "no", "0", "falsch", "nein"})

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """The answer; raises ValueError in words for a person."""
        word = str(value).strip().lower()
        if word not in self.YES | self.NO:
            raise ValueError(_("“%(value)s” is neither true nor false.") % {"value": str(value)[:40]})
        return word in self.YES


class DomainResource(resources.ModelResource):
    """Rows become objects through a domain function; an import never changes or finds existing rows by key."""

    required: ClassVar[tuple[str, ...]] = ()
    WIDGETS_MAP = {
        **resources.ModelResource.WIDGETS_MAP,
        "DecimalField": NumberWidget,
        "MoneyField": NumberWidget,
        "PositiveSmallIntegerField": WholeNumberWidget,
        "BooleanField": YesNoWidget,
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        self.by: Any = kwargs.get("by")
        self.at: Any = kwargs.get("at")

    @classmethod
    def columns(cls) -> list[str]:
        """Names the heading may use."""
        return list(cls._meta.fields)

    def get_instance(self, instance_loader: Any, row: Any) -> None:
        """Nothing is looked up: each row is a new object."""
        return

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        """An empty cell means the default, not the empty text."""
        for name in [name for name, value in row.items() if value == ""]:
            del row[name]

    def after_import(self, dataset: Any, result: Any, **kwargs: Any) -> None:
        """The library would reset the key's sequence here, which nobody but the owner may; no key was set."""

    def save_instance(self, instance: Any, is_create: bool, row: Any, **kwargs: Any) -> None:
        """The domain call; refusals become errors of the row."""
        fields = {name: getattr(instance, name) for name in self.columns() if name in row}
        try:
            created = self.create(fields)
        except DomainError as refusal:
            raise ValidationError(str(refusal)) from refusal
        instance.pk = created.pk

    def create(self, fields: dict[str, Any]) -> Any:
        """One domain call."""
        raise NotImplementedError


class UploadForm(forms.Form):
    """The file."""

    file = UploadField(
        kinds=(CSV, XLSX),
        most_bytes=MOST_BYTES,
        label=gettext_lazy("File (CSV or XLSX)"),
        widget=forms.ClearableFileInput,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self)


class ImportPage(ObjectPage):
    """``import/`` of a list. Upload, look at the dry run, confirm; the file waits in the cache in between."""

    for_one = False
    for_none = True
    title: ClassVar[Any] = ""
    resource_class: ClassVar[type[DomainResource]]
    form_class: ClassVar[type[UploadForm]] = UploadForm
    template_name = "admin/house/import.html"

    said: dict[str, Any]  # what the form says beside the file

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The upload form and what the file should look like."""
        return self.show({"form": self.form_class()})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Dry run of an uploaded file, or the import of the file that was tried before."""
        if "token" in request.POST:
            return self.finish(request, request.POST["token"])
        form = self.form_class(request.POST, request.FILES)
        if not form.is_valid():
            return self.show({"form": form})
        upload = form.cleaned_data["file"]
        self.said = {name: value for name, value in form.cleaned_data.items() if name != "file"}
        try:
            return self.take(upload.read(), upload.name)
        except FileRefused as refusal:
            form.add_error("file", str(refusal))
            return self.show({"form": form})

    def take(self, content: bytes, name: str) -> HttpResponse:
        """The dry run of a file that was uploaded, and the file kept until it is confirmed. Raises FileRefused."""
        sheet = self.read(content, name)
        result = self.load(sheet, dry_run=True)
        problems = _problems(result, sheet)
        context: dict[str, Any] = {
            "form": self.form_class(),
            "sheet": sheet,
            "file_name": name,
            "problems": problems[:MOST_PROBLEMS_SHOWN],
            "problem_count": len(problems),
            "preview": list(zip(sheet.lines, sheet.rows, strict=True))[:20],
        }
        if not problems:
            context["token"] = token = secrets.token_urlsafe(16)
            cache.set(self._key(token), (name, content), KEEP_SECONDS)
        return self.show(context)

    def finish(self, request: HttpRequest, token: str) -> HttpResponse:
        """All rows or none: what changed since the dry run is found out now and refused as a whole."""
        kept = cache.get(self._key(token))
        if kept is None or not cache.delete(self._key(token)):  # of two clicks only one takes the file
            messages.error(
                request,
                _(
                    "This file was imported already, or it is not kept any more. Look at the list before you upload it"
                    " again."
                ),
            )
            return HttpResponseRedirect(request.path)
        name, content = kept
        sheet = self.read(content, name)
        result = self.load(sheet, dry_run=False)
        problems = _problems(result, sheet)
        if problems:
            messages.error(request, _("Nothing was imported."))
            return self.show(
                {"form": UploadForm(), "sheet": sheet, "problems": problems, "problem_count": len(problems)}
            )
        messages.success(request, _("%(count)s rows were imported.") % {"count": len(sheet.rows)})
        return HttpResponseRedirect(self.model_admin.url_of("changelist"))

    def read(self, content: bytes, name: str) -> SheetRows:
        """The rows; raises FileRefused."""
        resource = self.resource_class
        return read_sheet(content, name, known=resource.columns(), required=resource.required)

    def load(self, sheet: SheetRows, *, dry_run: bool) -> Any:
        """Run the import inside one transaction that ends in a rollback for a dry run or any error."""
        resource = self.resource_class(by=self.request.user, at=timezone.now())
        dataset = Dataset(*sheet.rows, headers=sheet.headers)
        return resource.import_data(dataset, dry_run=dry_run, use_transactions=True, rollback_on_validation_errors=True)

    def show(self, context: dict[str, Any]) -> HttpResponse:
        """The page."""
        page = self.model_admin
        return TemplateResponse(
            self.request,
            self.template_name,
            {
                **page.admin_site.each_context(self.request),
                "title": capfirst(str(self.title)),
                "subtitle": None,
                "opts": page.opts,
                "columns": self.described(),
                "back_url": page.url_of("changelist"),
                **context,
            },
        )

    def described(self) -> list[dict[str, Any]]:
        """The columns a file may have: name, label, whether it is needed, its values."""
        return _described(self.resource_class)

    def _key(self, token: str) -> str:
        return f"import:{self.request.user.pk}:{self.model_admin.opts.label_lower}:{token[:64]}"


def _described(resource: type[DomainResource]) -> list[dict[str, Any]]:
    described = []
    for name in resource.columns():
        column: Any = resource._meta.model._meta.get_field(name)
        described.append(
            {
                "name": name,
                "label": column.verbose_name,
                "required": name in resource.required,
                "choices": ", ".join(str(value) for value, _label in column.flatchoices) if column.choices else "",
            }
        )
    return described


def _problems(result: Any, sheet: SheetRows) -> list[tuple[Any, str]]:
    problems: list[tuple[Any, str]] = [("", " ".join(_words(error.error))) for error in result.base_errors]
    for row in result.invalid_rows:
        for name, texts in _named(row.error):
            problems.append((sheet.lines[row.number - 1], f"{name}: {texts}" if name else texts))
    for number, errors in result.row_errors():
        problems += [(sheet.lines[number - 1], " ".join(_words(error.error))) for error in errors]
    return sorted(problems, key=lambda problem: problem[0] or 0)


def _named(error: ValidationError) -> list[tuple[str, str]]:
    if hasattr(error, "error_dict"):
        return [("" if name == "__all__" else name, " ".join(texts)) for name, texts in error.message_dict.items()]
    return [("", " ".join(error.messages))]


def _words(error: Exception) -> list[str]:
    if isinstance(error, DomainError | ValidationError | ValueError):
        return refusal_texts(error)
    logger.error("an import failed: %s", error)
    return [_("This cannot be stored.")]
