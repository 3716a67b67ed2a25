"""Everything an invoice or credit note shows, as frozen plain data; whoever knows the models maps them to it.

The data is complete: the same data gives the same bytes on any machine and day. What is inconsistent is
refused here, before a number is spent on a page that does not add up.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from crm.documents.logos import Logo
from crm.engine.amounts import Totals, check_tax, exact_sum, round_half_up, tax_of

Kind = Literal["invoice", "credit_note"]
Language = Literal["en", "de"]
KINDS: tuple[Kind, ...] = ("invoice", "credit_note")
LANGUAGES: tuple[Language, ...] = ("en", "de")


class InconsistentDocument(ValueError):
    """The data cannot be printed as one truthful document; the message says which rule it breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Seller or buyer as it was when the document was made; empty parts are left out on paper."""

    name: str
    address_lines: tuple[str, ...] = ()
    country: str = ""
    tax_id: str = ""
    vat_id: str = ""
    registration_number: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankDetails:
    """Where the money goes; the IBAN with or without spaces."""

    bank: str = ""
    iban: str = ""
    bic: str = ""
    account_holder: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """One line as issued; ``net`` is quantity times unit price, rounded once by ``amounts.line_net``.

    The service period is printed from its first to its **last** day; an exclusive end means the day before.
    """

    position: int
    description: str
    quantity: Decimal
    unit_code: str
    unit_price: Decimal
    net: Decimal
    tax_category: str
    tax_rate: Decimal
    service_from: date | None = None
    service_to: date | None = None

    def __post_init__(self) -> None:
        check_tax(self.tax_category, self.tax_rate)
        _check_period(self.service_from, self.service_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentData:
    """One invoice or credit note, issued (with a number) or a draft preview (with a reference instead).

    A credit note carries positive amounts and names the invoice it corrects, as type code 381 does. ``einvoice`` is
    the XML that goes inside the PDF; empty for a document that has none, or has it as a file of its own.
    """

    kind: Kind
    issued_on: date
    currency: str
    language: Language
    seller: Party
    buyer: Party
    lines: tuple[DocumentLine, ...]
    totals: Totals
    number: str = ""
    draft: bool = False
    draft_reference: str = ""
    due_on: date | None = None
    service_from: date | None = None
    service_to: date | None = None
    currency_exponent: int = 2
    bank: BankDetails | None = None
    logo: Logo | None = None
    payment_terms: str = ""
    notes: str = ""
    customer_number: str = ""
    order_reference: str = ""
    corrects_number: str = ""
    corrects_issued_on: date | None = None
    einvoice: bytes = b""

    def __post_init__(self) -> None:
        _check_header(self)
        _check_period(self.service_from, self.service_to)
        _check_sums(self)

    @property
    def shown_number(self) -> str:
        """What names the document on paper: its number, or the draft's reference."""
        return self.draft_reference if self.draft else self.number


def _check_period(first: date | None, last: date | None) -> None:
    if first is not None and last is not None and last < first:
        raise InconsistentDocument("the service period ends before it starts")


def _check_header(data: DocumentData) -> None:
    if data.kind not in KINDS:
        raise InconsistentDocument(f"unknown kind {data.kind!r}")
    if data.language not in LANGUAGES:
        raise InconsistentDocument(f"unknown language {data.language!r}")
    if data.draft and data.number:
        raise InconsistentDocument("a draft has no number")
    if not data.draft and not data.number:
        raise InconsistentDocument("an issued document needs a number")
    if data.kind == "credit_note" and not data.draft and not data.corrects_number:
        raise InconsistentDocument("a credit note names the invoice it corrects")


def _check_sums(data: DocumentData) -> None:
    """Net, tax and gross must follow from the lines shown, group by group."""
    totals, exponent = data.totals, data.currency_exponent
    groups = {(group.category, group.rate): group for group in totals.breakdown}
    bases: dict[tuple[str, Decimal], list[Decimal]] = {key: [] for key in groups}
    for line in data.lines:
        if (line.tax_category, line.tax_rate) not in groups:
            raise InconsistentDocument(f"line {line.position} is in no tax group")
        if round_half_up(line.net, exponent) != line.net:
            raise InconsistentDocument(f"line {line.position} is finer than the currency")
        bases[line.tax_category, line.tax_rate].append(line.net)
    for key, group in groups.items():
        if exact_sum(bases[key]) != group.basis:
            raise InconsistentDocument(f"the lines of tax group {key[0]} {key[1]} do not add up to its basis")
        # The notes over parts of an invoice share its rounding, so one of them may differ by the smallest coin.
        tolerance = Decimal(1).scaleb(-exponent) if data.kind == "credit_note" else 0
        if abs(tax_of(group.basis, group.rate, exponent) - group.tax) > tolerance:
            raise InconsistentDocument(f"the tax of group {key[0]} {key[1]} is not its basis times the rate")
    if exact_sum(group.basis for group in totals.breakdown) != totals.net:
        raise InconsistentDocument("the tax groups do not add up to the net total")
    if exact_sum(group.tax for group in totals.breakdown) != totals.tax:
        raise InconsistentDocument("the tax groups do not add up to the tax total")
    if exact_sum((totals.net, totals.tax)) != totals.gross:
        raise InconsistentDocument("net plus tax is not the gross total")
