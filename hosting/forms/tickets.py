"""Forms of tickets and repair orders."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.confirm import ConfirmForm
from hashinsight.common.uploads import CSV, JPEG, PDF, PNG, TEXT, UploadField
from hosting.enums import RepairKind, RepairStatus

MOST_FILE_BYTES = 4 * 1024 * 1024
FILE_KINDS = (PNG, JPEG, PDF, CSV, TEXT)


def _words(label: Any, *, needed: bool = True, help_text: Any = "", most: int = 10_000) -> forms.CharField:
    return forms.CharField(
        label=label, required=needed, max_length=most, widget=forms.Textarea(attrs={"rows": 4}), help_text=help_text
    )


class AssignTicketForm(ConfirmForm):
    """Who shall have it."""

    to: Any = forms.ModelChoiceField(label=gettext_lazy("Assign to"), queryset=None)

    def build(self) -> None:
        """People of the house; oneself first."""
        people = get_user_model().objects.filter(is_active=True, is_staff=True).order_by("email")
        field: Any = self.fields["to"]
        field.queryset, field.initial = people, self.request.user.pk


class NoteForm(ConfirmForm):
    """What to write, and for whom."""

    body = _words(gettext_lazy("Note"))
    client_visible = forms.BooleanField(label=gettext_lazy("The client can read it"), required=False)

    def build(self) -> None:
        """Nothing to choose where the client does not see the ticket."""
        if not self.obj.client_visible:
            del self.fields["client_visible"]


class QuestionForm(ConfirmForm):
    """What we need to know."""

    body = _words(gettext_lazy("Question to the client"), help_text=gettext_lazy("The clock stands until the answer."))


class ResolveForm(ConfirmForm):
    """What was done."""

    body = _words(gettext_lazy("What was done"), help_text=gettext_lazy("The client reads it."))


class ReopenForm(ConfirmForm):
    """Why."""

    body = _words(gettext_lazy("Why it is opened again"))


class AttachForm(ConfirmForm):
    """A file, and for whom."""

    file = UploadField(
        kinds=FILE_KINDS, most_bytes=MOST_FILE_BYTES, label=gettext_lazy("File"),
        help_text=gettext_lazy("A picture, PDF, CSV or text of at most 4 MB."),
    )  # fmt: skip
    client_visible = forms.BooleanField(label=gettext_lazy("The client can read it"), required=False)

    def build(self) -> None:
        """Nothing to choose where the client does not see the ticket."""
        if not self.obj.client_visible:
            del self.fields["client_visible"]


class RepairForm(ConfirmForm):
    """What is wrong, and who repairs it."""

    reason = forms.CharField(label=gettext_lazy("What is wrong"), max_length=300)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=RepairKind.choices)
    vendor = forms.CharField(label=gettext_lazy("Workshop"), max_length=100, required=False)
    rma_number = forms.CharField(label=gettext_lazy("RMA number"), max_length=60, required=False)
    pauses_billing = forms.BooleanField(label=gettext_lazy("Not billed while it lasts"), required=False, initial=True)


class FinishForm(ConfirmForm):
    """How it ended."""

    to = forms.ChoiceField(
        label=gettext_lazy("How it ended"),
        choices=[
            (choice.value, choice.label)
            for choice in (RepairStatus.RETURNED, RepairStatus.WRITTEN_OFF, RepairStatus.CANCELLED)
        ],
    )
    outcome = forms.CharField(label=gettext_lazy("Outcome"), max_length=300, required=False)
