"""Confirm pages: the effect first, then the button. GET shows and changes nothing, POST does."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.actions import run_for_each
from hashinsight.common.admin.forms import refusal_texts
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.common.admin.widgets import dress
from hashinsight.common.errors import DomainError


class ChangedSince(DomainError):
    """Somebody was faster, maybe the same person with a second click."""

    code = "changed_since"


@dataclass
class Table:
    """Rows shown before something happens; ``right`` names the columns with figures, by position."""

    headers: Sequence[Any]
    rows: Sequence[Sequence[Any]]
    right: Sequence[int] = ()
    title: Any = ""
    total: Sequence[Any] | None = None


@dataclass
class Effect:
    """What will happen: facts, what changes from what to what, tables, and what one should know before."""

    facts: list[tuple[Any, Any]] = field(default_factory=list)
    changes: list[tuple[Any, Any, Any]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    warnings: list[Any] = field(default_factory=list)


class ConfirmForm(forms.Form):
    """What the person states beside pressing the button; knows the objects it is about."""

    def __init__(self, *args: Any, objects: Sequence[Any], request: HttpRequest, **kwargs: Any) -> None:
        self.objects = objects
        self.request = request
        super().__init__(*args, **kwargs)
        self.build()
        dress(self)

    def build(self) -> None:
        """Fields that depend on the objects."""

    @property
    def obj(self) -> Any:
        """The one object."""
        return self.objects[0]


class ReasonForm(ConfirmForm):
    """A reason, kept in the audit rows."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("Kept in the history."),
    )


class ConfirmPage(ObjectPage):
    """One move of one object, or of many chosen in the list. Subclasses say what it shows and what it does."""

    title: ClassVar[Any] = ""
    button: ClassVar[Any] = ""
    preview_button: ClassVar[Any] = ""
    form_class: ClassVar[type[ConfirmForm]] = ConfirmForm
    template_name: ClassVar[str] = "admin/house/confirm.html"
    at_once: ClassVar[bool] = False  # one domain call for all objects, which moves all of them or none

    form: Any = None
    done_level: int = messages.SUCCESS  # of what is said afterwards; a warning where it was kept and not done yet

    # --- to be written by subclasses ------------------------------------------------------------------------
    def effect(self) -> Effect:
        """What will happen; may raise DomainError when it cannot."""
        return Effect()

    def run(self, obj: Any, form: Any) -> Any:
        """The one domain call."""
        raise NotImplementedError

    def run_all(self, objects: list[Any], form: Any) -> Any:
        """The one domain call of a page that acts on all objects at once."""
        raise NotImplementedError

    def done(self, count: int) -> str:
        """The sentence shown afterwards."""
        return str(_("%(title)s: done (%(count)s).") % {"title": self.title, "count": count})

    def initial(self) -> dict[str, Any]:
        """What the form holds at first."""
        return {}

    def goes_to(self, worked: list[Any]) -> str:
        """Where the person finds themselves afterwards."""
        return self.back_url()

    # --- the two steps --------------------------------------------------------------------------------------
    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the effect."""
        self.form = self.make_form(None)
        return self.show(self.form)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Do it, unless the form is wrong or the objects changed since the effect was shown."""
        form = self.form = self.make_form(request.POST)
        if request.POST.get("seen") != self.fingerprint():
            return self.show(form, error=_("Something changed since this page was opened. Please look again."))
        if not form.is_valid() or "preview" in request.POST:
            return self.show(form)
        if len(self.objects) > 1 and not self.at_once:
            worked = run_for_each(request, self.objects, lambda obj: self.act(obj, form), done=self.done)
            return HttpResponseRedirect(self.goes_to(worked))
        try:
            if self.at_once:
                self.act_at_once(form)
            else:
                self.act(self.objects[0] if self.objects else None, form)
        except (DomainError, ValidationError) as refusal:
            return self.show(form, error=" ".join(refusal_texts(refusal)))
        said = self.done(len(self.objects) if self.at_once else 1)
        messages.add_message(request, self.done_level, said)
        return HttpResponseRedirect(self.goes_to(self.objects))

    def act(self, obj: Any, form: Any) -> None:
        """The domain call and Django's own log entry, in one transaction."""
        with transaction.atomic():
            if obj is not None:
                self.hold(obj)
            self.run(obj, form)
            if obj is not None:
                self.model_admin.log_change(self.request, obj, str(self.title))

    def act_at_once(self, form: Any) -> None:
        """One domain call for all, in one transaction with Django's own log entries."""
        with transaction.atomic():
            for obj in sorted(self.objects, key=lambda one: one.pk):
                self.hold(obj)
            self.run_all(self.objects, form)
            for obj in self.objects:
                self.model_admin.log_change(self.request, obj, str(self.title))

    def hold(self, obj: Any) -> None:
        """One page at a time acts on an object: a second click waits here, then meets a version it has not seen.

        The lock is one of its own, not the row's: which rows are locked first is for the domain to say.
        """
        if not hasattr(obj, "version"):
            return
        key = f"confirm:{obj._meta.label_lower}:{obj.pk}"
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        versions = type(obj)._base_manager.filter(pk=obj.pk).values_list("version", flat=True)
        if (version := versions.first()) != obj.version:
            if version is not None:
                obj.refresh_from_db()  # the page that tells about it shows what is there now
            raise ChangedSince(_("Something changed since this page was opened. Please look again."))

    def make_form(self, data: Any) -> Any:
        """The form, bound on POST."""
        files = self.request.FILES if data is not None else None
        return self.form_class(data, files, initial=self.initial(), objects=self.objects, request=self.request)

    def fingerprint(self) -> str:
        """Stands for the exact state the person was shown."""
        states = ",".join(f"{obj.pk}:{getattr(obj, 'version', '')}" for obj in self.objects)
        return hashlib.sha256(states.encode()).hexdigest()[:24]

    def show(self, form: Any, error: str = "") -> HttpResponse:
        """The page; when the move is not possible it says why and has no button."""
        try:
            effect, possible = self.effect(), True
        except (DomainError, ValidationError) as refusal:
            # A person who typed something gets it back to correct; who only came to look gets no button.
            effect, possible = Effect(), bool(form.is_bound and form.fields)
            error = error or " ".join(refusal_texts(refusal))
        admin_page = self.model_admin
        context = {
            **admin_page.admin_site.each_context(self.request),
            "title": capfirst(str(self.title)),
            "subtitle": None,
            "page": self,
            "form": form,
            "effect": effect,
            "possible": possible,
            "error": error,
            "seen": self.fingerprint(),
            "objects": self.objects,
            "object": self.objects[0] if len(self.objects) == 1 else None,
            "opts": admin_page.opts,
            "back_url": self.back_url(),
        }
        self.request.current_app = admin_page.admin_site.name
        status = 200 if possible and not error else 409
        return TemplateResponse(self.request, self.template_name, context, status=status)
