"""An invoice as EN 16931 sees it: its business terms (BT) and groups (BG), whichever XML they stood in.

``None`` means the element is absent, an empty text that it stands there empty: some rules ask for the one, some for
the other. Amounts keep the digits they were written with.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

Syntax = Literal["cii", "ubl"]

INVOICE_TYPE = "380"
CREDIT_NOTE_TYPE = "381"
VAT_SCHEME = "VA"
LOCAL_TAX_SCHEME = "FC"


@dataclass(frozen=True, slots=True)
class Identifier:
    """An id and the scheme it belongs to."""

    value: str
    scheme: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """BG-5, BG-8, BG-12 or BG-15."""

    lines: tuple[str, ...] = ()
    city: str | None = None
    postal_code: str | None = None
    region: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """BG-6 or BG-9."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Seller BG-4, buyer BG-7, payee BG-10 or tax representative BG-11."""

    name: str | None = None
    trade_name: str | None = None
    ids: tuple[Identifier, ...] = ()
    legal_id: Identifier | None = None
    legal_note: str | None = None
    tax_ids: tuple[Identifier, ...] = ()
    endpoint: Identifier | None = None
    contact: Contact | None = None
    address: Address | None = None

    @property
    def has_vat_id(self) -> bool:
        """Whether a VAT identifier is named."""
        return any(one.scheme == VAT_SCHEME for one in self.tax_ids)

    @property
    def has_tax_id(self) -> bool:
        """Whether a VAT identifier or a local tax number is named."""
        return any(one.scheme in (VAT_SCHEME, LOCAL_TAX_SCHEME) for one in self.tax_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """BG-14 or BG-26: first and last day; ``code`` says of what the tax point depends (BT-8, UBL only).

    A day may be named in a form that EN 16931 does not know: then it is there, and still unknown.
    """

    start: date | None = None
    end: date | None = None
    names_start: bool = False
    names_end: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """Category and rate of a line, an allowance or a charge; ``scheme`` is VAT."""

    category: str | None = None
    rate: Decimal | None = None
    scheme: str | None = "VAT"

    @property
    def is_vat(self) -> bool:
        """Whether the scheme says VAT, in whatever case."""
        return (self.scheme or "").strip().upper() == "VAT"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceCharge:
    """BG-20, BG-21, BG-27 or BG-28; ``charge`` adds, an allowance takes away."""

    charge: bool
    amount: Decimal | None = None
    base: Decimal | None = None
    percent: Decimal | None = None
    reason: str | None = None
    reason_code: str | None = None
    tax: Tax | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxGroup:
    """BG-23: all of one category and rate."""

    basis: Decimal | None = None
    amount: Decimal | None = None
    tax: Tax
    reason: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTotal:
    """BT-110 or BT-111: the sum of taxes in one currency, with its groups where the XML keeps them inside (UBL)."""

    amount: Decimal | None
    currency: str | None
    groups: tuple[TaxGroup, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """BG-22, without the taxes."""

    lines: Decimal | None = None
    allowances: Decimal | None = None
    charges: Decimal | None = None
    net: Decimal | None = None
    gross: Decimal | None = None
    prepaid: Decimal | None = None
    rounding: Decimal | None = None
    due: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A document this one refers to: its number and, where known, its date."""

    number: str | None
    on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """BG-25."""

    id: str | None = None
    note: str | None = None
    name: str | None = None
    description: str | None = None
    standard_id: Identifier | None = None
    seller_item: str | None = None
    classes: tuple[Identifier, ...] = ()
    properties: tuple[tuple[str | None, str | None], ...] = ()
    quantity: Decimal | None = None
    unit: str | None = None
    other_units: tuple[str, ...] = ()
    price: Decimal | None = None
    price_quantity: Decimal | None = None
    gross_price: Decimal | None = None
    net: Decimal | None = None
    tax: Tax | None = None
    period: Period | None = None
    adjustments: tuple[AllowanceCharge, ...] = ()
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """BG-16: how to pay; an account only where it is one of ours."""

    code: str | None = None
    reference: str | None = None
    account: str | None = None
    has_account: bool = False
    account_is_iban: bool = True
    account_name: str | None = None
    bic: str | None = None
    card: str | None = None
    debited_account: str | None = None
    mandate: str | None = None
    creditor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """BG-13; its day may be named in a form that EN 16931 does not know, as those of a period."""

    name: str | None = None
    on: date | None = None
    names_on: bool = False
    address: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One invoice or credit note."""

    syntax: Syntax = "cii"
    specification: str | None = None
    process: str | None = None
    number: str | None = None
    issued_on: date | None = None
    type_code: str | None = None
    currency: str | None = None
    tax_currency: str | None = None
    tax_point_on: date | None = None
    tax_point_code: str | None = None
    due_on: date | None = None
    terms: str | None = None
    buyer_reference: str | None = None
    order_reference: str | None = None
    contract_reference: str | None = None
    notes: tuple[str, ...] = ()
    corrects: tuple[Reference, ...] = ()
    attachments: tuple[Reference, ...] = ()
    seller: Party | None = None
    buyer: Party | None = None
    payee: Party | None = None
    representative: Party | None = None
    delivery: Delivery | None = None
    period: Period | None = None
    payments: tuple[Payment, ...] = ()
    adjustments: tuple[AllowanceCharge, ...] = ()
    groups: tuple[TaxGroup, ...] = ()
    tax_totals: tuple[TaxTotal, ...] = ()
    sums: Sums | None = None
    lines: tuple[Line, ...] = ()
    amount_currencies: frozenset[str] = frozenset()
    is_credit_note_root: bool = False

    def tax_in(self, currency: str | None) -> list[TaxTotal]:
        """The sums of taxes stated in this currency."""
        return [total for total in self.tax_totals if total.currency == currency]
