"""What a machine says of itself, on its page and as a filter of the list."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from hashinsight.common.admin.display import moment_text
from hosting.enums import ContactDifference
from hosting.models import Miner, MinerContact

SHOWN = ("said_shown", "differs_shown", "firmware_shown", "trouble_shown")


def contact_of(miner: Miner) -> MinerContact | None:
    """The row of a machine; None before anybody spoke with it."""
    return MinerContact.objects.filter(pk=miner.pk).first() if miner.pk else None


class DiffersFilter(admin.SimpleListFilter):
    """Machines that say they are other ones than our data have."""

    title = gettext_lazy("says otherwise")
    parameter_name = "differs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Anything, or one thing."""
        return [("any", gettext_lazy("anything")), *ContactDifference.choices]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """By the index over the few that differ."""
        value = self.value()
        if value not in {"any", *ContactDifference.values}:
            return queryset
        rows = MinerContact.objects.exclude(differs=[])
        if value != "any":
            rows = rows.filter(differs__contains=[value])
        return queryset.filter(pk__in=rows.values("pk"))


class ContactShown:
    """Columns of the page of one machine."""

    @admin.display(description=gettext_lazy("says it is"))
    def said_shown(self, miner: Miner) -> str:
        contact = contact_of(miner)
        if contact is None:
            return ""
        return " · ".join(part for part in (contact.make, contact.model, contact.serial, contact.mac) if part)

    @display(description=gettext_lazy("says otherwise"))
    def differs_shown(self, miner: Miner) -> str:
        contact = contact_of(miner)
        return ", ".join(str(ContactDifference(one).label) for one in contact.differs) if contact else ""

    @admin.display(description=gettext_lazy("firmware"))
    def firmware_shown(self, miner: Miner) -> str:
        contact = contact_of(miner)
        if contact is None:
            return ""
        firmware = f"{contact.firmware} {contact.firmware_version}".strip()
        return " · ".join(part for part in (firmware, contact.dialect) if part)

    @admin.display(description=gettext_lazy("gives no answer"))
    def trouble_shown(self, miner: Miner) -> str:
        contact = contact_of(miner)
        if contact is None or not contact.trouble:
            return ""
        since = moment_text(contact.changed_at)
        return " · ".join(part for part in (contact.get_trouble_display(), contact.detail, since) if part)
