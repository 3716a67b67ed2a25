"""The lease of an edge device, as it stands on the device's page."""

from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from hashinsight.common.admin.display import Badge, moment_text
from hosting.models import EdgeDevice, EdgeLease


class LeaseShown:
    """What of its lease stands on the page of a device."""

    shown = (
        "lease_shown", "lease_until", "lease_machines", "lease_switched", "lease_asked", "lease_reported",
        "lease_limits", "lease_counter", "lease_trouble",
    )  # fmt: skip

    def lease_of(self, device: EdgeDevice) -> EdgeLease | None:
        """Without what is large; asked for once."""
        known: Any = device
        if not hasattr(known, "_lease_shown"):
            rows = EdgeLease.objects.defer("seen", "roster", "content")
            known._lease_shown = rows.filter(device=device).first()
        found: EdgeLease | None = known._lease_shown
        return found

    @display(
        description=gettext_lazy("lease"),
        label={"none": "default", "held": "success", "alone": "danger", "frozen": "warning", "over": "default"},
    )
    def lease_shown(self, device: EdgeDevice) -> Any:
        lease, now = self.lease_of(device), timezone.now()
        if lease is None:
            return Badge("none", _("takes none"))
        if lease.frozen:
            return Badge("frozen", _("kill switch"))
        if lease.is_alone or (lease.switched and lease.held_until is not None and lease.held_until <= now):
            return Badge("alone", _("acts alone"))
        if lease.held_until is not None and lease.held_until > now:
            return Badge("held", _("in force"))
        return Badge("over", _("nothing to switch"))

    @admin.display(description=gettext_lazy("lease runs until"))
    def lease_until(self, device: EdgeDevice) -> str:
        return self._moment(device, "held_until")

    @admin.display(description=gettext_lazy("lease last fetched"))
    def lease_asked(self, device: EdgeDevice) -> str:
        return self._moment(device, "asked_at")

    @admin.display(description=gettext_lazy("last report of machines"))
    def lease_reported(self, device: EdgeDevice) -> str:
        return self._moment(device, "seen_at")

    @admin.display(description=gettext_lazy("machines in the lease"))
    def lease_machines(self, device: EdgeDevice) -> Any:
        lease = self.lease_of(device)
        return "-" if lease is None else lease.machines

    @admin.display(description=gettext_lazy("switched off or lowered by the device"))
    def lease_switched(self, device: EdgeDevice) -> Any:
        lease = self.lease_of(device)
        return "-" if lease is None else lease.switched

    @admin.display(description=gettext_lazy("limits of power"))
    def lease_limits(self, device: EdgeDevice) -> str:
        lease = self.lease_of(device)
        if lease is None:
            return "-"
        if lease.takes_limits:
            return _("are passed on to its machines")
        return _("are not passed on: its software knows none, so its machines are not throttled")

    @admin.display(description=gettext_lazy("counter of the lease"))
    def lease_counter(self, device: EdgeDevice) -> Any:
        lease = self.lease_of(device)
        return "-" if lease is None else lease.counter

    @admin.display(description=gettext_lazy("trouble with the lease"))
    def lease_trouble(self, device: EdgeDevice) -> str:
        lease = self.lease_of(device)
        return (lease.trouble if lease is not None else "") or "-"

    def _moment(self, device: EdgeDevice, name: str) -> str:
        lease = self.lease_of(device)
        return moment_text(getattr(lease, name)) or "-" if lease is not None else "-"
