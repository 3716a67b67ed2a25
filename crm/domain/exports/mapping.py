"""What accounts, customers and taxes are called in the accounting programs; what is missing is collected."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm.engine.bookfiles.values import Gap
from crm.models import AccountingSettings, Customer, DebtorNumber, LedgerAccount, LegalEntity, TaxKey

Rate = tuple[str, Decimal]
MOST_NAMED = 20


@dataclass
class Mapping:
    """The mapping of a legal entity as it stands; asking for what is not there leaves a gap, once."""

    entity: LegalEntity
    settings: AccountingSettings
    accounts: dict[int, LedgerAccount]
    debtors: dict[int, str]
    keys: dict[Rate, TaxKey]
    gaps: dict[str, Gap] = field(default_factory=dict)

    def missing(self, where: Any, what: str) -> None:
        """Note a gap."""
        gap = Gap(str(where), what)
        self.gaps.setdefault(str(gap), gap)

    def in_words(self) -> list[str]:
        """What is missing, each thing with all it is missing for."""
        grouped: dict[str, list[str]] = {}
        for gap in self.gaps.values():
            grouped.setdefault(gap.what, []).append(gap.where)
        return [f"{what}: {_listed(places)}" for what, places in grouped.items()]

    def debtor(self, customer: Customer) -> str:
        """The customer's number in the books."""
        number = self.debtors.get(customer.pk, "")
        if not number:
            self.missing(customer, _("has no debtor number"))
        elif len(number) != self.settings.account_length + 1:
            digits = self.settings.account_length + 1
            self.missing(customer, _("debtor number %(n)s needs %(digits)s digits") % {"n": number, "digits": digits})
        return number

    def account(self, account: LedgerAccount) -> str:
        """The account's number for DATEV: digits, as many as the settings say, or fewer."""
        number = account.external_number
        where = _("ledger account %(code)s") % {"code": account.code}
        if not number:
            self.missing(where, _("has no number in the accounting program"))
        elif not number.isascii() or not number.isdecimal() or len(number) > self.settings.account_length:
            digits = self.settings.account_length
            self.missing(where, _("%(n)s is no number of %(digits)s digits") % {"n": number, "digits": digits})
        return number

    def account_by_code(self, code: str) -> str:
        """The account's name in programs that take any; nothing where it is missing."""
        found = next((one for one in self.accounts.values() if one.code == code), None)
        if found is None or not found.external_number:
            where = _("ledger account %(code)s") % {"code": code}
            self.missing(where, _("has no number in the accounting program"))
            return ""
        return found.external_number

    def key(self, category: str, rate: Decimal) -> TaxKey | None:
        """What this tax is called there."""
        found = self.keys.get((category, rate.normalize()))
        if found is None:
            self.missing(_("tax %(category)s %(rate)s %%") % {"category": category, "rate": f"{rate.normalize():f}"},
                         _("has no tax key"))  # fmt: skip
        return found

    def fingerprint(self) -> str:
        """Changes when anybody maps something otherwise."""
        one = self.settings
        facts = [
            [
                one.consultant_number,
                one.client_number,
                one.account_length,
                one.year_start_month,
                one.date_order,
                one.datev_no_tax_key,
            ],
            sorted((account.code, account.external_number) for account in self.accounts.values()),
            sorted(self.debtors.items()),
            sorted(
                (key.tax_category, str(key.tax_rate), key.datev_key, key.xero_tax_type, key.quickbooks_tax_code)
                for key in self.keys.values()
            ),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _listed(names: list[str]) -> str:
    more = _(" and %(count)s more") % {"count": len(names) - MOST_NAMED} if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def mapping_of(entity: LegalEntity) -> Mapping:
    """The mapping as it stands now; without settings their defaults hold."""
    settings = AccountingSettings.objects.filter(legal_entity=entity).first() or AccountingSettings(legal_entity=entity)
    return Mapping(
        entity,
        settings,
        {row.pk: row for row in LedgerAccount.objects.filter(legal_entity=entity)},
        dict(DebtorNumber.objects.filter(legal_entity=entity).values_list("customer_id", "number")),
        {(key.tax_category, key.tax_rate.normalize()): key for key in TaxKey.objects.filter(legal_entity=entity)},
    )


def check_datev(mapping: Mapping, *, first: date, last: date) -> None:
    """What the header of a posting batch needs."""
    one = mapping.settings
    where = _("accounting settings of %(entity)s") % {"entity": mapping.entity}
    if not one.consultant_number or not 1001 <= int(one.consultant_number) <= 9999999:
        mapping.missing(where, _("the DATEV consultant number (1001 to 9999999) is missing"))
    if not one.client_number or not 1 <= int(one.client_number) <= 99999:
        mapping.missing(where, _("the DATEV client number (1 to 99999) is missing"))
    year = lambda day: day.year if day.month >= one.year_start_month else day.year - 1  # noqa: E731
    if year(first) != year(last):
        mapping.missing(where, _("the months lie in two fiscal years; a batch holds one"))
