"""Contracts: what was agreed for a term, from the draft to its end."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.domain.texts import printable
from crm.enums import CONTRACT_MOVES, ContractStatus, CustomerStatus
from crm.models import Contract
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.events.domain import publish

# What is settled once a contract is in force; everything else may still be edited.
SETTLED = frozenset({"customer", "currency", "number", "starts_on"})


class ContractRefused(DomainError):
    """The contract cannot be changed like this."""

    code = "contract_refused"


@transaction.atomic
def create_contract(*, by: Any, at: datetime, **fields: Any) -> Contract:
    """A new draft; ``fields`` are columns of the model. Raises ContractRefused for an inactive customer."""
    contract = Contract(created_at=at, **fields)
    contract.full_clean()
    _check_parties(contract)
    contract.save()
    publish_contract(contract, "contract.created", by)
    return contract


@transaction.atomic
def change_contract(contract: Contract, *, changes: Mapping[str, Any], by: Any) -> Contract:
    """Edit columns. Raises ContractRefused for what is settled once the contract is in force."""
    locked = lock_row(contract)
    if locked.status in (ContractStatus.ENDED, ContractStatus.CANCELLED):
        raise ContractRefused(_("%(contract)s is over.") % {"contract": locked})
    changed = {name for name, value in changes.items() if getattr(locked, name) != value}
    if locked.status == ContractStatus.ACTIVE and changed & SETTLED:
        raise ContractRefused(
            _("Customer, currency, number and first day of %(contract)s are settled.") % {"contract": locked}
        )
    for name in changed:
        setattr(locked, name, changes[name])
    locked.full_clean()
    _check_parties(locked)
    if changed:
        locked.save(update_fields=sorted(changed))
        publish_contract(locked, "contract.changed", by)
    return locked.reload()


@transaction.atomic
def activate_contract(contract: Contract, *, by: Any, at: datetime) -> Contract:
    """Put a draft in force. Raises ContractRefused for an inactive customer, MoveRefused from any other state."""
    locked = lock_for_move(contract, field="status", to=ContractStatus.ACTIVE, moves=CONTRACT_MOVES)
    _check_parties(locked)
    locked.status = ContractStatus.ACTIVE
    locked.activated_at = at
    locked.save(update_fields=["status", "activated_at"])
    publish_contract(locked, "contract.activated", by)
    return locked.reload()


@transaction.atomic
def give_notice(contract: Contract, *, on: date, ends_on: date, by: Any, reason: str = "") -> Contract:
    """Note that notice was given on a day; the contract ends on ``ends_on`` (exclusive) and renews itself no more.

    Raises ContractRefused when the contract is not in force, or the days do not fit together.
    """
    locked = lock_row(contract)
    if locked.status != ContractStatus.ACTIVE:
        raise ContractRefused(_("%(contract)s is not in force.") % {"contract": locked})
    if ends_on <= max(on, locked.starts_on):
        raise ContractRefused(_("The end must be later than the notice and the first day."))
    if (ends_on - on).days < locked.notice_days:
        raise ContractRefused(
            _("The notice of %(contract)s is %(days)s days.") % {"contract": locked, "days": locked.notice_days}
        )
    locked.notice_given_on, locked.ends_on, locked.renewal_months = on, ends_on, 0
    locked.end_reason = printable(reason)[:300]
    locked.save(update_fields=["notice_given_on", "ends_on", "renewal_months", "end_reason"])
    publish_contract(locked, "contract.changed", by)
    return locked.reload()


@transaction.atomic
def end_contract(contract: Contract, *, on: date, by: Any, reason: str) -> Contract:
    """End a contract in force on a day (exclusive). Raises MoveRefused from any other state."""
    locked = lock_for_move(contract, field="status", to=ContractStatus.ENDED, moves=CONTRACT_MOVES)
    if on <= locked.starts_on:
        raise ContractRefused(_("%(contract)s cannot end before it begins.") % {"contract": locked})
    for refuse in END_GUARDS:
        refuse(locked, on)
    with audit_context(reason=printable(reason)):
        locked.status, locked.ends_on, locked.end_reason = ContractStatus.ENDED, on, printable(reason)[:300]
        locked.save(update_fields=["status", "ends_on", "end_reason"])
    publish_contract(locked, "contract.ended", by)
    return locked.reload()


@transaction.atomic
def cancel_contract(contract: Contract, *, by: Any, reason: str) -> Contract:
    """Give up a draft. Raises MoveRefused from any other state."""
    locked = lock_for_move(contract, field="status", to=ContractStatus.CANCELLED, moves=CONTRACT_MOVES)
    with audit_context(reason=printable(reason)):
        locked.status, locked.end_reason = ContractStatus.CANCELLED, printable(reason)[:300]
        locked.save(update_fields=["status", "end_reason"])
    publish_contract(locked, "contract.changed", by)
    return locked.reload()


# Apps above say here what must be over before a contract can end: ``guard(contract, day)`` raises a DomainError.
END_GUARDS: list[Any] = []


def register_end_guard(guard: Any) -> None:
    """Called from ``ready()`` of the apps above, once each."""
    if guard not in END_GUARDS:
        END_GUARDS.append(guard)


def _check_parties(contract: Contract) -> None:
    if contract.customer.status != CustomerStatus.ACTIVE:
        raise ContractRefused(_("%(customer)s is inactive.") % {"customer": contract.customer})
    if contract.deal_id and contract.deal is not None and contract.deal.customer_id != contract.customer_id:
        raise ContractRefused(_("The deal belongs to another customer."))


def publish_contract(contract: Contract, kind: str, by: Any) -> None:
    """Tell others what became of a contract."""
    publish(
        kind,
        aggregate_type="contract",
        aggregate_id=contract.public_id,
        customer_id=contract.customer_id,
        user_id=getattr(by, "pk", None),
        payload={"contract_id": str(contract.public_id), "status": str(contract.status)},
    )
