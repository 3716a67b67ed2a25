"""Accounts of the books, made when something is booked on them for the first time."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from crm.enums import AccountKind
from crm.models import LedgerAccount

PER_TAX = (AccountKind.REVENUE, AccountKind.OUTPUT_TAX)


@dataclass(frozen=True, slots=True)
class AccountKey:
    """An account of a legal entity: its kind, and for revenue and output tax the tax category and rate in percent."""

    kind: AccountKind
    tax_category: str = ""
    tax_rate: Decimal = Decimal(0)

    @property
    def code(self) -> str:
        """Its name in the books: ``receivable``, ``revenue.S.19``, ``output_tax.S.7.5``."""
        if self.kind not in PER_TAX:
            return str(self.kind)
        rate = self.tax_rate.normalize()
        return f"{self.kind}.{self.tax_category}.{rate:f}"


def accounts_of(pairs: Iterable[tuple[int, AccountKey]]) -> dict[tuple[int, str], LedgerAccount]:
    """The account of each (legal entity id, key) by (legal entity id, code); missing ones are opened.

    Two transactions that open the same account at once end up with one.
    """
    wanted = {(entity, key.code): key for entity, key in pairs}
    found = _find(wanted)
    missing = sorted(wanted.keys() - found.keys())
    if missing:
        rows = [
            LedgerAccount(
                legal_entity_id=entity,
                code=code,
                kind=wanted[entity, code].kind,
                tax_category=wanted[entity, code].tax_category,
                tax_rate=wanted[entity, code].tax_rate,
            )
            for entity, code in missing
        ]
        LedgerAccount.objects.bulk_create(rows, ignore_conflicts=True)
        found = _find(wanted)
    return found


def _find(wanted: dict[tuple[int, str], AccountKey]) -> dict[tuple[int, str], LedgerAccount]:
    rows = LedgerAccount.objects.filter(
        legal_entity__in={entity for entity, _code in wanted}, code__in={code for _entity, code in wanted}
    )
    return {(row.legal_entity_id, row.code): row for row in rows.order_by()}
