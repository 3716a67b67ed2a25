"""What can be done with a ticket or a repair order: effect first, then the button."""

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.confirm import ConfirmPage, Effect
from hashinsight.common.admin.display import moment_text
from hashinsight.common.admin.object_page import ObjectPage
from hashinsight.journal.domain import NewFile, attachments_of
from hosting.domain import repairs, tickets
from hosting.enums import RepairStatus, TicketStatus
from hosting.forms import tickets as forms
from hosting.models import RepairOrder, Ticket


class TicketPage(ConfirmPage):
    """What the moves of a ticket share."""

    power = "work_ticket"
    target: ClassVar[TicketStatus | None] = None

    def effect(self) -> Effect:
        """Whose it is, and the promise."""
        ticket = self.objects[0]
        effect = Effect(
            facts=[
                (_("customer"), ticket.customer or _("our own")),
                (_("priority"), ticket.get_priority_display()),
                (_("resolution due"), moment_text(ticket.resolve_due_at)),
            ]
        )
        if self.target is not None:
            effect.changes = [(_("status"), ticket.get_status_display(), self.target.label)]
        return effect


class AssignPage(TicketPage):
    """Give it to somebody."""

    label = gettext_lazy("Assign")
    icon = "assignment_ind"
    title = gettext_lazy("Assign the ticket")
    button = gettext_lazy("Assign")
    form_class = forms.AssignTicketForm

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        tickets.assign_ticket(obj, to=form.cleaned_data["to"], by=self.request.user)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The ticket is assigned.")


class BeginPage(TicketPage):
    """Work on it."""

    label = gettext_lazy("Begin work")
    icon = "play_arrow"
    title = gettext_lazy("Begin work on the ticket")
    button = gettext_lazy("Begin work")
    target = TicketStatus.IN_PROGRESS

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        tickets.begin_work(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The ticket is in progress.")


class NotePage(TicketPage):
    """Write something."""

    label = gettext_lazy("Write a note")
    icon = "edit_note"
    title = gettext_lazy("Write a note")
    button = gettext_lazy("Write")
    form_class = forms.NoteForm

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        data = form.cleaned_data
        tickets.write_note(
            obj, body=data["body"], client_visible=data.get("client_visible", False), by=self.request.user,
            at=timezone.now(),
        )  # fmt: skip

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The note is written.")


class AttachPage(TicketPage):
    """Add a file."""

    label = gettext_lazy("Attach a file")
    icon = "attach_file"
    title = gettext_lazy("Attach a file")
    button = gettext_lazy("Attach")
    form_class = forms.AttachForm

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        upload = form.cleaned_data["file"]
        tickets.add_file(
            obj, file=NewFile(upload.name, upload.content_type, upload.read()), by=self.request.user,
            at=timezone.now(), client_visible=form.cleaned_data.get("client_visible", False),
        )  # fmt: skip

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The file is attached.")


class AskPage(TicketPage):
    """Ask the client; the clock stands."""

    label = gettext_lazy("Ask the client")
    icon = "contact_support"
    title = gettext_lazy("Ask the client")
    button = gettext_lazy("Ask")
    form_class = forms.QuestionForm

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        tickets.wait_for_client(obj, question=form.cleaned_data["body"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The question is written; the clock stands.")


class ResolvePage(TicketPage):
    """It is done."""

    label = gettext_lazy("Resolve")
    icon = "task_alt"
    title = gettext_lazy("Resolve the ticket")
    button = gettext_lazy("Resolve")
    form_class = forms.ResolveForm
    target = TicketStatus.RESOLVED

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        tickets.resolve_ticket(obj, resolution=form.cleaned_data["body"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The ticket is resolved.")


class ClosePage(TicketPage):
    """It is over."""

    label = gettext_lazy("Close")
    icon = "check_circle"
    title = gettext_lazy("Close the ticket")
    button = gettext_lazy("Close")
    target = TicketStatus.CLOSED

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        tickets.close_ticket(obj, by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The ticket is closed.")


class ReopenPage(TicketPage):
    """It was not done after all."""

    label = gettext_lazy("Open again")
    icon = "undo"
    title = gettext_lazy("Open the ticket again")
    button = gettext_lazy("Open again")
    form_class = forms.ReopenForm

    def run(self, obj: Ticket, form: Any) -> Any:
        """One domain call."""
        tickets.reopen_ticket(obj, reason=form.cleaned_data["body"], by=self.request.user, at=timezone.now())

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The ticket is open again; its clock begins anew.")


class FilePage(ObjectPage):
    """The bytes of an attachment, to save: never shown inside of our pages."""

    power = "view"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Exactly as it came."""
        wanted = request.GET.get("file", "")
        files = {str(file.public_id): file for file in attachments_of(self.objects[0]).select_related("content")}
        file = files.get(wanted)
        if file is None:
            messages.error(request, _("There is no such file."))
            return HttpResponseRedirect(self.back_url())
        response = HttpResponse(bytes(file.content.data), content_type="application/octet-stream")
        name = file.name.replace('"', "").encode("ascii", "replace").decode()
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["X-Content-Type-Options"] = "nosniff"
        response["Cache-Control"] = "private, no-store"
        return response


class OrderRepairPage(ConfirmPage):
    """From the page of a machine: it is locked out, and not billed while it lasts."""

    power = "work_repairorder"
    label = gettext_lazy("Order a repair")
    icon = "build"
    title = gettext_lazy("Order a repair")
    button = gettext_lazy("Order the repair")
    form_class = forms.RepairForm

    def effect(self) -> Effect:
        """What happens to the machine."""
        miner = self.objects[0]
        return Effect(
            facts=[(_("machine"), miner), (_("customer"), miner.customer or _("our own"))],
            warnings=[_("The machine is locked out: nobody starts it until the repair is over.")],
        )

    def run(self, obj: Any, form: Any) -> Any:
        """One domain call."""
        repairs.order_repair(obj, by=self.request.user, at=timezone.now(), **form.cleaned_data)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The repair is ordered.")


class RepairPage(ConfirmPage):
    """What the moves of a repair share."""

    power = "work_repairorder"
    target: ClassVar[RepairStatus | None] = None

    def effect(self) -> Effect:
        """Machine, and the change of status."""
        order = self.objects[0]
        effect = Effect(
            facts=[(_("machine"), order.miner), (_("not billed from"), moment_text(order.paused_from) or "–")]
        )
        if self.target is not None:
            effect.changes = [(_("status"), order.get_status_display(), self.target.label)]
        return effect

    def run(self, obj: RepairOrder, form: Any) -> Any:
        """One domain call."""
        repairs.move_repair(obj, to=str(self.target), by=self.request.user, at=timezone.now())


class SendPage(RepairPage):
    """On its way."""

    label = gettext_lazy("Sent in")
    icon = "local_shipping"
    title = gettext_lazy("The machine was sent in")
    button = gettext_lazy("Note it")
    target = RepairStatus.SENT

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The machine is on its way.")


class InRepairPage(RepairPage):
    """Somebody has it."""

    label = gettext_lazy("In repair")
    icon = "handyman"
    title = gettext_lazy("The machine is being repaired")
    button = gettext_lazy("Note it")
    target = RepairStatus.IN_REPAIR

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The machine is in repair.")


class FinishPage(RepairPage):
    """Over."""

    label = gettext_lazy("Finish")
    icon = "task_alt"
    title = gettext_lazy("Finish the repair")
    button = gettext_lazy("Finish")
    form_class = forms.FinishForm

    def effect(self) -> Effect:
        """And what happens to the machine."""
        effect = super().effect()
        effect.warnings.append(
            _("A machine that is back is paused: starting it is a step of its own. One written off is retired.")
        )
        return effect

    def run(self, obj: RepairOrder, form: Any) -> Any:
        """One domain call."""
        repairs.finish_repair(obj, by=self.request.user, at=timezone.now(), **form.cleaned_data)

    def done(self, count: int) -> str:
        """Said afterwards."""
        return _("The repair is over.")
