"""Acts on money above a limit need a second person: the one gate all ways to such an act pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from typing import Any, TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from crm.enums import LimitedAct, LimitRule
from crm.models import ApprovalLimit, LegalEntity
from hashinsight.approvals.domain.gate import SecondPersonNeeded, is_approved
from hashinsight.approvals.models import ApprovalRequest

T = TypeVar("T")
KINDS = {act: f"crm.{act.value}" for act in LimitedAct}
_for_show: ContextVar[bool] = ContextVar("for_show", default=False)


@contextmanager
def for_show() -> Iterator[None]:
    """Inside, acts above the limit run as well, since everything done in the block is taken back at its end."""
    with transaction.atomic():
        token = _for_show.set(True)
        try:
            yield
        finally:
            _for_show.reset(token)
            transaction.set_rollback(True)


def is_needed(act: LimitedAct, *, legal_entity: LegalEntity, amount: Decimal, currency: str) -> bool:
    """Whether an act over ``amount`` in ``currency`` needs a second person.

    No row: no. An amount in another currency than the limit cannot be compared with it and needs one.
    """
    limit = ApprovalLimit.objects.filter(legal_entity=legal_entity, act=act).first()
    if limit is None or limit.rule == LimitRule.NEVER:
        return False
    if limit.rule == LimitRule.ALWAYS or limit.amount is None:
        return True
    return currency != legal_entity.currency or amount > limit.amount


def check(
    act: LimitedAct,
    obj: Any,
    *,
    legal_entity: LegalEntity,
    amount: Decimal,
    before: Decimal = Decimal(0),
    currency: str,
    approval: ApprovalRequest | None,
    kind: str = "",
) -> None:
    """Let the act on ``obj`` pass, or raise SecondPersonNeeded.

    ``before`` is what acts of the same kind took from the same object already: small steps add up. ``approval`` lets
    pass only this very act: same kind, object, amount and currency, in the transaction of its decision. ``kind`` is
    that of the request where an act has several.
    """
    if _for_show.get() or not is_needed(act, legal_entity=legal_entity, amount=before + amount, currency=currency):
        return
    if is_approved(approval, obj, kind=kind or KINDS[act], amount=amount, currency=currency):
        return
    raise SecondPersonNeeded(
        _("This %(act)s is above what one person may do; a second person has to approve it.") % {"act": act.label},
        amount=amount,
        currency=currency,
    )


@transaction.atomic
def act_or_ask(act: Callable[[], T], ask: Callable[[Decimal, str], ApprovalRequest]) -> T | ApprovalRequest:
    """Do it; where a second person is needed, ask for it instead. ``ask`` gets amount and currency of the act."""
    try:
        with transaction.atomic():
            return act()
    except SecondPersonNeeded as needed:
        return ask(needed.params["amount"], needed.params["currency"])
