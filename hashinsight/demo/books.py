"""The demo company and its tax adviser: numbers in the accounting program, closed months, files that were made."""

from datetime import date

from crm.domain import exports, periods
from crm.domain.exports.debtors import assign_debtor_numbers
from crm.enums import AccountKind, ExportKind
from crm.models import AccountingSettings, Invoice, LedgerAccount, LegalEntity, TaxKey
from hashinsight.demo.calendar import Clock, add_months
from hashinsight.demo.people import Staff

CLOSED = 2  # of the oldest months
NUMBERS = {
    AccountKind.BANK: "1200", AccountKind.DEPOSITS: "1710", AccountKind.CREDITS: "1715", AccountKind.BAD_DEBT: "2400",
    AccountKind.SMALL_DIFFERENCE: "2450", AccountKind.RECEIVABLE: "1400", AccountKind.OUTPUT_TAX: "1776",
    AccountKind.FX_DIFFERENCE: "2150", AccountKind.CONVERSION: "1360",
    AccountKind.CARD: "1361", AccountKind.CASH: "1000", AccountKind.WALLET: "1370", AccountKind.CLEARING: "1590",
}  # fmt: skip
REVENUE = {("S", 19): "8400", ("S", 7): "8300", ("AE", 0): "8337", ("G", 0): "8120", ("O", 0): "8338"}
NAMES = {
    "S": "{rate}% (VAT on Income)",
    "AE": "Reverse charge EU (Income)",
    "G": "Zero rated (Income)",
    "O": "No VAT (Income)",
}


def keep_books(staff: Staff, clock: Clock) -> None:
    """Per legal entity: everything mapped, the oldest months closed, the first of them handed to the tax adviser."""
    for place, entity in enumerate(LegalEntity.objects.order_by("pk")):
        first = Invoice.objects.filter(legal_entity=entity, number__isnull=False).order_by("issued_on").first()
        if first is None or first.issued_on is None:
            continue
        _map(entity, place)
        month = periods.first_of(first.issued_on)
        for number in range(CLOSED):
            _close(entity, add_months(month, number), staff, clock)
        _hand_over(entity, month, staff, clock)


def _map(entity: LegalEntity, place: int) -> None:
    settings = AccountingSettings(legal_entity=entity, consultant_number="1001", client_number=str(42 + place))
    settings.full_clean()
    settings.save()
    taxes = set()
    for account in LedgerAccount.objects.filter(legal_entity=entity).order_by("code"):
        rate = int(account.tax_rate)
        number = NUMBERS.get(AccountKind(account.kind), "") or REVENUE.get((account.tax_category, rate), "")
        if number:
            account.external_number = number
            account.save(update_fields=["external_number"])
        if account.kind == AccountKind.REVENUE:
            taxes.add((account.tax_category, account.tax_rate))
    for category, percent in sorted(taxes):
        name = NAMES.get(category, category).format(rate=f"{percent.normalize():f}")
        key = TaxKey(
            legal_entity=entity, tax_category=category, tax_rate=percent, xero_tax_type=name, quickbooks_tax_code=name,
            datev_key="3" if category == "S" and int(percent) == 19 else "",
        )  # fmt: skip
        key.full_clean()
        key.save()
    assign_debtor_numbers(entity)


def _close(entity: LegalEntity, month: date, staff: Staff, clock: Clock) -> None:
    after = add_months(month, 1).replace(day=9)
    if after < clock.today.replace(day=1):
        periods.close_period(entity, month=month, by=staff.finance, at=clock.moment(after))


def _hand_over(entity: LegalEntity, month: date, staff: Staff, clock: Clock) -> None:
    """The journal of the first month; a month still open gives a provisional file."""
    at = min(clock.moment(add_months(month, 1).replace(day=10)), clock.at)
    exports.make_export(entity, kind=ExportKind.JOURNAL_CSV, first=month, last=month, by=staff.finance, at=at)
