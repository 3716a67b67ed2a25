"""Settings of the control of a site, with what stands in for those that nobody made."""

from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from curtailment.models import SiteControl
from hosting.models import Site

THOUSAND = 1000
STANDARD_SHARE = 10  # of the capacity, in a minute


@dataclass(frozen=True)
class Ramps:
    """Watts that may be switched in a minute: off, on, and on behind one breaker."""

    down_w: int
    up_w: int
    zone_up_w: int


def control_of(site: Site) -> SiteControl:
    """The row of the site; made when it is asked for first."""
    found, _made = SiteControl.objects.get_or_create(site=site)
    control: SiteControl = found
    return control


def ramps_of(site: Site, control: SiteControl | None = None) -> Ramps:
    """As somebody set them, else a tenth of the capacity. ``control``: the row of the site where it is at hand."""
    control = control or _control(site)
    standard = max(1, int(site.capacity_kw * THOUSAND) // STANDARD_SHARE)
    down = _watts(control.ramp_down_kw) or standard
    up = _watts(control.ramp_up_kw) or standard
    return Ramps(down, up, _watts(control.zone_up_kw) or up)


def startable_w(site: Site) -> int:
    """What the largest machine may draw that one step of the ramp has room for."""
    control = _control(site)
    ramps = ramps_of(site, control)
    return max(1, int(min(ramps.up_w, ramps.zone_up_w) * control.step_s / 60))


def _control(site: Site) -> SiteControl:
    return SiteControl.objects.filter(site=site).first() or SiteControl(site=site)


def two_person_percent() -> Decimal:
    """Above this share of the site's or the fleet's power a plan needs a second person."""
    return Decimal(str(settings.CURTAILMENT_TWO_PERSON_PERCENT))


def _watts(kw: Decimal | None) -> int:
    return int(kw * THOUSAND) if kw else 0
