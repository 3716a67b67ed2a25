"""What an import is asked to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from crm.engine.pipeline_files import Account
from crm.enums import UnitCode
from crm.models import Customer
from hashinsight.common.money import DEFAULT_CURRENCY

SOURCE = "crm-pipeline"


@dataclass(frozen=True, slots=True)
class OfferText:
    """How a product of the files is called with us."""

    code: str
    name: str
    unit: str = UnitCode.UNIT


def _as_it_is(customer: Customer, account: Account) -> None:
    """Nothing to add."""


@dataclass(frozen=True)
class ImportWish:
    """The moment, and what the files do not say: the currency of their amounts, and how things are called here.

    ``complete`` may fill further columns of a customer before it is stored.
    """

    at: datetime
    currency: str = DEFAULT_CURRENCY
    is_sample: bool = False
    dry_run: bool = False
    offers: Mapping[str, OfferText] = field(default_factory=dict)
    complete: Callable[[Customer, Account], None] = _as_it_is


def reference(kind: str, key: str) -> str:
    """The mark by which a record of the files is known again."""
    return f"{SOURCE}:{kind}:{key}"


def moment_of(day: date, *, at: datetime) -> datetime:
    """The files know days only; midday is the same day in nearly every time zone. Today it is at the latest now."""
    midday = datetime.combine(day, time(12), tzinfo=UTC)
    return min(midday, at) if day == at.astimezone(UTC).date() else midday
