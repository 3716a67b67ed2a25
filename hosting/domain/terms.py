"""Hosting terms: agreeing, amending, ending; finding those in force."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from crm.enums import ContractStatus
from crm.models import Contract
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_row
from hashinsight.events.domain import publish
from hosting.domain.caps import refuse_lower_cap
from hosting.domain.usage_marks import mark_days
from hosting.enums import PlaceStatus
from hosting.models import HostingTerms, Site, Zone

# What an amendment takes over where it says nothing else.
_CARRIED = (
    "contract", "site", "zone", "price_plan", "kind", "basis", "contracted_kw", "cap_kw", "curtailment",
    "curtailment_notice_minutes", "curtailment_share_percent", "on_stale", "on_stale_max_minutes",
)  # fmt: skip


class TermsRefused(DomainError):
    """The terms cannot be agreed or changed like this."""

    code = "terms_refused"


@transaction.atomic
def draft_terms(*, at: datetime, **fields: Any) -> HostingTerms:
    """Terms that are being written; ``fields`` are columns of the model. Raises ValidationError."""
    terms = HostingTerms(created_at=at, **fields)
    terms.full_clean()
    terms.save()
    return terms


@transaction.atomic
def change_draft(terms: HostingTerms, *, changes: Mapping[str, Any]) -> HostingTerms:
    """Edit terms that are being written. Raises ValidationError, and TermsRefused for agreed ones."""
    locked = lock_row(terms)
    if locked.agreed_at is not None:
        raise TermsRefused(_("%(terms)s are agreed: amend them.") % {"terms": locked})
    for name, value in changes.items():
        setattr(locked, name, value)
    locked.full_clean()
    if changes:
        locked.save(update_fields=sorted(changes))
    return locked.reload()


@transaction.atomic
def agree_terms(terms: HostingTerms, *, by: Any, at: datetime) -> HostingTerms:
    """Put drafted terms in force: from then on only the day they end may change.

    Raises TermsRefused when contract, place and plan do not fit together, and CapReached when they are in force at
    once and more of the customer's power stands there than their cap allows.
    """
    contract = lock_row(terms.contract)
    locked = lock_row(terms)
    _hold_site(locked)
    if locked.agreed_at is not None:
        raise TermsRefused(_("%(terms)s are agreed already.") % {"terms": locked})
    _check(locked, contract)
    locked.agreed_at = at
    locked.full_clean()
    locked.save(update_fields=["agreed_at"])
    refuse_lower_cap(locked, at=at)
    mark_days(locked.site, locked.valid_from)
    _publish(locked, "hosting_terms.agreed", by)
    return locked.reload()


@transaction.atomic
def amend_terms(
    terms: HostingTerms, *, on: date, changes: Mapping[str, Any], reason: str, by: Any, at: datetime
) -> HostingTerms:
    """End agreed terms on a day and begin new ones on it that differ in ``changes``. Returns the new ones.

    Raises TermsRefused when the day is outside of the terms, or nothing changes, and CapReached for a cap that is
    lowered at once below what stands there: whoever signs that has machines to take out first, and nothing here chooses
    which. From a later day on a lower cap is agreed all the same, as contracts are, with time to move machines; what
    still stands above it on that day is an alert.
    """
    contract = lock_row(terms.contract)
    locked = lock_row(terms)
    _hold_site(locked)
    if locked.agreed_at is None:
        raise TermsRefused(_("%(terms)s are a draft: edit them.") % {"terms": locked})
    if on <= locked.valid_from or (locked.valid_to is not None and on >= locked.valid_to):
        raise TermsRefused(_("%(day)s is outside of %(terms)s.") % {"day": on.isoformat(), "terms": locked})
    unknown = set(changes) - set(_CARRIED) | {"contract"} & set(changes)
    if unknown:
        raise ValueError(f"an amendment does not change {', '.join(sorted(unknown))}")
    carried = {name: getattr(locked, name) for name in _CARRIED}
    if all(carried[name] == value for name, value in changes.items()):
        raise TermsRefused(_("The amendment changes nothing."))
    until = locked.valid_to
    with audit_context(reason=printable(reason)):
        locked.valid_to = on
        locked.save(update_fields=["valid_to"])
        amended = HostingTerms(
            **{**carried, **changes}, amends=locked, valid_from=on, valid_to=until, agreed_at=at, created_at=at,
            reason=printable(reason)[:300],
        )  # fmt: skip
        _check(amended, contract)
        amended.full_clean()
        amended.save()
    if amended.cap_kw is not None and (locked.cap_kw is None or amended.cap_kw < locked.cap_kw):
        refuse_lower_cap(amended, at=at)
    mark_days(amended.site, on)
    _publish(amended, "hosting_terms.amended", by)
    return amended


@transaction.atomic
def end_terms(terms: HostingTerms, *, on: date, reason: str, by: Any) -> HostingTerms:
    """End agreed terms on a day (exclusive). Raises TermsRefused when that day is outside of them."""
    lock_row(terms.contract)
    locked = lock_row(terms)
    if locked.agreed_at is None:
        raise TermsRefused(_("%(terms)s are a draft: delete them.") % {"terms": locked})
    if on <= locked.valid_from or (locked.valid_to is not None and on > locked.valid_to):
        raise TermsRefused(_("%(day)s is outside of %(terms)s.") % {"day": on.isoformat(), "terms": locked})
    with audit_context(reason=printable(reason)):
        locked.valid_to = on
        locked.save(update_fields=["valid_to"])
    mark_days(locked.site, on)
    _publish(locked, "hosting_terms.ended", by)
    return locked.reload()


def end_with_contract(contract: Contract, day: date) -> None:
    """Terms end with their contract. Called inside of its ending; raises TermsRefused for terms that begin later."""
    HostingTerms.objects.filter(contract=contract, agreed_at__isnull=False, valid_from__lt=day).filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=day)
    ).update(valid_to=day)
    later = HostingTerms.objects.filter(contract=contract, agreed_at__isnull=False, valid_from__gte=day).first()
    if later is not None:
        raise TermsRefused(
            _("%(terms)s begin on %(day)s only.") % {"terms": later, "day": later.valid_from.isoformat()}
        )


def renew_with_contract(contract: Contract, before: date) -> None:
    """Terms that ended with their contract (on ``before``) go on with it. Called inside of its renewal."""
    rows = HostingTerms.objects.filter(contract=contract, agreed_at__isnull=False, valid_to=before)
    for terms in rows.select_related("site").order_by("pk"):
        terms.valid_to = contract.ends_on
        terms.save(update_fields=["valid_to"])
        mark_days(terms.site, before)


def _hold_site(terms: HostingTerms) -> None:
    """Nobody places or assigns machines there meanwhile."""
    Site.objects.select_for_update(no_key=True).get(pk=terms.site_id)


def _check(terms: HostingTerms, contract: Contract) -> None:
    if contract.status != ContractStatus.ACTIVE:
        raise TermsRefused(_("%(contract)s is not in force.") % {"contract": contract})
    for place in (terms.site, terms.zone):
        if place is not None and place.status != PlaceStatus.ACTIVE:
            raise TermsRefused(_("%(place)s is archived.") % {"place": place})
    if terms.zone is not None and terms.zone.site_id != terms.site_id:
        raise TermsRefused(_("%(zone)s is no zone of %(site)s.") % {"zone": terms.zone, "site": terms.site})
    plan = terms.price_plan
    if plan.currency != contract.currency:
        raise TermsRefused(
            _("%(plan)s is in %(theirs)s, the contract in %(ours)s.")
            % {"plan": plan, "theirs": plan.currency, "ours": contract.currency}
        )
    if plan.zone_id is not None and plan.zone_id != terms.zone_id:
        raise TermsRefused(_("%(plan)s is for another zone.") % {"plan": plan})
    if not plan.is_active:
        raise TermsRefused(_("%(plan)s is archived.") % {"plan": plan})
    if not plan.versions.filter(published_at__isnull=False, valid_from__lte=terms.valid_from).exists():
        raise TermsRefused(
            _("%(plan)s has no published version for %(day)s.") % {"plan": plan, "day": terms.valid_from.isoformat()}
        )
    _check_days(terms, contract)
    _check_overlap(terms)


def _check_days(terms: HostingTerms, contract: Contract) -> None:
    if terms.valid_from < contract.starts_on:
        raise TermsRefused(_("Terms begin no earlier than their contract."))
    if contract.ends_on is not None and (terms.valid_to is None or terms.valid_to > contract.ends_on):
        raise TermsRefused(_("Terms end no later than their contract (%(day)s).") % {"day": contract.ends_on})


def _check_overlap(terms: HostingTerms) -> None:
    """Terms for a whole site and terms for one zone of it would both speak of the same machine."""
    others = in_period(
        HostingTerms.objects.filter(contract=terms.contract, site=terms.site, agreed_at__isnull=False), terms
    ).exclude(pk=terms.pk)
    clash = others.filter(zone__isnull=terms.zone_id is not None).first()
    if clash is not None:
        raise TermsRefused(_("%(terms)s are valid in that period already.") % {"terms": clash})


def in_period(rows: Any, terms: HostingTerms) -> Any:
    """Those of ``rows`` whose period overlaps that of ``terms``."""
    rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=terms.valid_from))
    return rows.filter(valid_from__lt=terms.valid_to) if terms.valid_to is not None else rows


def terms_on(day: date, *, customer_id: int, site: Site, zone: Zone | None) -> HostingTerms | None:
    """The terms that speak of a customer's machine at a place on a day: those of its zone before those of the site."""
    rows = (
        HostingTerms.objects.filter(
            contract__customer_id=customer_id, site=site, agreed_at__isnull=False, valid_from__lte=day
        )
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day))
        .filter(Q(zone=zone) | Q(zone__isnull=True))
    )
    return sorted(rows, key=lambda terms: (terms.zone_id is None, terms.pk))[0] if rows else None


def _publish(terms: HostingTerms, kind: str, by: Any) -> None:
    publish(
        kind,
        aggregate_type="hosting_terms",
        aggregate_id=terms.public_id,
        customer_id=terms.contract.customer_id,
        user_id=getattr(by, "pk", None),
        payload={
            "terms_id": str(terms.public_id),
            "contract_id": str(terms.contract.public_id),
            "valid_from": terms.valid_from.isoformat(),
        },
    )
