"""Price plans: drafting versions, publishing them, finding the one in force."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, OuterRef, Q, Subquery
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hosting.domain.usage_marks import mark_plan
from hosting.engine import tariff
from hosting.enums import ComponentKind
from hosting.models import PriceComponent, PricePlan, PricePlanVersion, PriceWindow

_COMPONENT_COLUMNS = (
    "position", "kind", "description", "price", "other_hours", "ratchet_percent", "ratchet_months", "market_series",
    "market_factor",
)  # fmt: skip
_WINDOW_COLUMNS = ("month_from", "month_to", "days", "time_from", "time_to")


# Unsaved components, each with its windows.
Components = Sequence[tuple[PriceComponent, tuple[tariff.Window, ...]]]


class PriceRefused(DomainError):
    """The price plan cannot be changed like this."""

    code = "price_refused"


@transaction.atomic
def create_plan(*, at: datetime, **fields: Any) -> PricePlan:
    """A new plan, still without a version; ``fields`` are columns of the model. Raises ValidationError."""
    plan = PricePlan(created_at=at, **fields)
    plan.full_clean()
    plan.save()
    return plan


@transaction.atomic
def change_plan(plan: PricePlan, *, changes: Mapping[str, Any]) -> PricePlan:
    """Edit columns of a plan; what it charges stands in its versions.

    Raises ValidationError, and PriceRefused for currency and zone of a plan that has a version.
    """
    locked = lock_row(plan)
    settled = {name for name in ("currency", "zone") if name in changes and changes[name] != getattr(locked, name)}
    if settled and locked.versions.exists():
        raise PriceRefused(_("Currency and zone of %(plan)s are settled: it has versions.") % {"plan": locked})
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.full_clean()
    if changes:
        locked.save(update_fields=sorted(changes))
    return locked.reload()


@transaction.atomic
def draft_version(
    plan: PricePlan, *, valid_from: date, at: datetime, note: str = "", components: Components | None = None
) -> PricePlanVersion:
    """The next version as a draft that begins on a day, with ``components`` or those of the latest one."""
    locked = lock_row(plan)
    latest = locked.versions.order_by("-number").first()
    highest = locked.versions.aggregate(n=Max("number"))["n"] or 0
    version = PricePlanVersion(plan=locked, number=highest + 1, valid_from=valid_from, note=note, created_at=at)
    if latest is not None:
        version.missing_rule = latest.missing_rule
    version.full_clean()
    version.save()
    if components is not None:
        return set_components(version, components=components)
    if latest is not None:
        copy_components(latest, version)
    return version


def copy_components(source: PricePlanVersion, target: PricePlanVersion) -> None:
    """Give a draft the components and windows of another version."""
    for component in source.components.prefetch_related("windows"):
        copy = PriceComponent.objects.create(
            plan_version=target, **{name: getattr(component, name) for name in _COMPONENT_COLUMNS}
        )
        for window in component.windows.all():
            PriceWindow.objects.create(component=copy, **{name: getattr(window, name) for name in _WINDOW_COLUMNS})


@transaction.atomic
def publish_version(version: PricePlanVersion, *, at: datetime) -> PricePlanVersion:
    """Freeze a draft. The version in force on its first day ends there, unless it begins on the same day or later.

    Raises PriceRefused for one that is published already, has no component, or would begin before a later one ends.
    """
    plan = lock_row(version.plan)
    locked = lock_row(version)
    if locked.published_at is not None:
        raise PriceRefused(_("%(version)s is published already.") % {"version": locked})
    _check_components(locked)
    published = plan.versions.filter(published_at__isnull=False)
    later = published.filter(valid_from__gte=locked.valid_from).order_by("valid_from").first()
    if later is not None:
        raise PriceRefused(
            _("%(later)s begins on %(day)s already; a version begins after all others.")
            % {"later": later, "day": later.valid_from.isoformat()}
        )
    for refuse in PUBLISH_GUARDS:
        refuse(locked)
    ending = Q(valid_to__isnull=True) | Q(valid_to__gt=locked.valid_from)
    published.filter(ending, valid_from__lt=locked.valid_from).update(valid_to=locked.valid_from)
    locked.published_at = at
    locked.full_clean()
    locked.save(update_fields=["published_at"])
    mark_plan(locked)
    return locked.reload()


# Apps above say here what has been billed: ``guard(version)`` raises a DomainError for one that begins too early.
PUBLISH_GUARDS: list[Any] = []


def register_publish_guard(guard: Any) -> None:
    """Called from ``ready()`` of whoever bills, once each."""
    if guard not in PUBLISH_GUARDS:
        PUBLISH_GUARDS.append(guard)


def _check_components(version: PricePlanVersion) -> None:
    components = list(version.components.prefetch_related("windows"))
    if not components:
        raise PriceRefused(_("%(version)s charges nothing: it has no component.") % {"version": version})
    for component in components:
        windows = list(component.windows.all())
        if windows and component.other_hours:
            raise PriceRefused(_("%(component)s has windows and all other hours.") % {"component": component})
        if windows and component.kind not in (ComponentKind.ENERGY, ComponentKind.DEMAND):
            raise PriceRefused(_("%(component)s is not charged by hours.") % {"component": component})
        if component.other_hours and not _windowed(components, component):
            raise PriceRefused(
                _("%(component)s has all other hours, but no hours are left out.") % {"component": component}
            )
    for kind in (ComponentKind.ENERGY, ComponentKind.DEMAND):
        if sum(component.other_hours for component in components if component.kind == kind) > 1:
            raise PriceRefused(_("Two components have all other hours: %(kind)s.") % {"kind": kind.label})
    if sum(component.kind == ComponentKind.MINIMUM for component in components) > 1:
        raise PriceRefused(_("There can be one least amount only."))


def _windowed(components: list[PriceComponent], component: PriceComponent) -> bool:
    return any(other.windows.all() for other in components if other.kind == component.kind and other != component)


def version_on(plan: PricePlan, day: date) -> PricePlanVersion | None:
    """The published version in force on a day of the site's calendar."""
    return (
        plan.versions.filter(published_at__isnull=False, valid_from__lte=day)
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day))
        .first()
    )


def as_tariff(version: PricePlanVersion) -> list[tariff.Component]:
    """The components of a version as the arithmetic wants them."""
    return [
        tariff.Component(
            key=str(component.public_id),
            kind=component.kind,
            price=component.price,
            windows=windows_of(component),
            other_hours=component.other_hours,
            ratchet_percent=component.ratchet_percent,
            ratchet_months=component.ratchet_months,
            market_factor=component.market_factor,
        )
        for component in version.components.prefetch_related("windows")
    ]


def windows_of(component: PriceComponent) -> tuple[tariff.Window, ...]:
    """The windows of a component as the arithmetic wants them; takes what was prefetched."""
    return tuple(
        tariff.Window(w.month_from, w.month_to, w.days, w.time_from, w.time_to) for w in component.windows.all()
    )


@transaction.atomic
def set_windows(component: PriceComponent, *, windows: tuple[tariff.Window, ...]) -> None:
    """Replace the windows of a draft's component."""
    component.windows.all().delete()
    PriceWindow.objects.bulk_create(
        [
            PriceWindow(component=component, **{name: getattr(window, name) for name in _WINDOW_COLUMNS})
            for window in windows
        ]
    )


@transaction.atomic
def set_components(version: PricePlanVersion, *, components: Components) -> PricePlanVersion:
    """Replace what a draft charges. Raises ValidationError."""
    locked = lock_row(version)
    if locked.published_at is not None:
        raise PriceRefused(_("%(version)s is published already.") % {"version": locked})
    locked.components.all().delete()
    for component, windows in components:
        component.plan_version = locked
        component.full_clean()
        component.save()
        set_windows(component, windows=windows)
    return locked


def check_publishable(version: PricePlanVersion) -> None:
    """Whether a draft could be published as it is. Raises PriceRefused."""
    if version.published_at is not None:
        raise PriceRefused(_("%(version)s is published already.") % {"version": version})
    _check_components(version)


def with_current_version(plans: Any, *, on: date) -> Any:
    """Annotate ``current_number``: the number of the version in force on a day, or nothing."""
    current = (
        PricePlanVersion.objects.filter(plan=OuterRef("pk"), published_at__isnull=False, valid_from__lte=on)
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=on))
        .values("number")[:1]
    )
    return plans.annotate(current_number=Subquery(current))
