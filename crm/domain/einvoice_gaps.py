"""What an e-invoice needs and nobody has entered yet: each gap names the field and the page where it is filled."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm.domain.einvoice_terms import compact, endpoint_of
from crm.engine.en16931.ids import is_iban
from crm.engine.en16931.rules_codes import codes
from crm.enums import InvoiceFormat, TaxCategory
from crm.models import Invoice, InvoiceLine
from hashinsight.common.money import exponent

# EN 16931 knows cents and nothing finer, and its published rules add up in floating point, exact to 15 digits.
MOST_DIGITS = 2
LARGEST_AMOUNT = Decimal(10) ** 12
_TAXED = (TaxCategory.STANDARD, TaxCategory.ZERO, TaxCategory.EXEMPT)
_GREECE = "EL"


def can_be_einvoice(currency: str) -> bool:
    """Whether the standard has this currency: bitcoin, with its eight digits, it does not."""
    return currency in codes("currencies") and exponent(currency) <= MOST_DIGITS


def gaps_of(
    invoice: Invoice, lines: Sequence[InvoiceLine], *, seller: Mapping[str, Any], buyer: Mapping[str, Any]
) -> list[str]:
    """Sentences about what is missing for the form the customer wants; empty: it can be written, or is not wanted."""
    wanted = buyer["invoice_format"]
    if wanted == InvoiceFormat.PDF or (wanted != InvoiceFormat.XRECHNUNG and not can_be_einvoice(invoice.currency)):
        return []
    found = [*_money(invoice, lines), *_places(seller, buyer), *_tax_ids(lines, seller, buyer)]
    found += _mixed(lines)
    if any(line.tax_category == TaxCategory.INTRA_COMMUNITY for line in lines):
        found += _delivery(invoice, lines)
    if wanted == InvoiceFormat.XRECHNUNG:
        found += _german(invoice, seller, buyer)
    return found


def _of_ours(field: str, tab: str = "") -> str:
    place = f"{_('Legal entities')} › {tab}" if tab else _("Legal entities")
    return _("%(field)s of our legal entity (%(place)s)") % {"field": field, "place": place}


def _of_customer(field: str, tab: str = "") -> str:
    place = f"{_('Customers')} › {tab}" if tab else _("Customers")
    return _("%(field)s of the customer (%(place)s)") % {"field": field, "place": place}


def _money(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Iterator[str]:
    if not can_be_einvoice(invoice.currency):
        yield _("another currency: e-invoices know no %(currency)s; or choose “PDF only” at the customer") % {
            "currency": invoice.currency
        }
    if any(abs(amount) >= LARGEST_AMOUNT for amount in (invoice.gross_total, *(line.net_amount for line in lines))):
        yield _("smaller amounts: an e-invoice holds less than 1,000,000,000,000; or choose “PDF only” at the customer")


def _places(seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> Iterator[str]:
    for country, where in ((seller["country"], _of_ours), (buyer["country"], _of_customer)):
        if country not in codes("countries"):
            yield where(_("country"))


def _tax_ids(lines: Sequence[InvoiceLine], seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> Iterator[str]:
    used = {line.tax_category for line in lines}
    tab = _("Tax and bank")
    numbered = bool(seller["tax_id"].strip() or seller["vat_id"].strip())
    if used & {*_TAXED, TaxCategory.REVERSE_CHARGE} and not numbered:
        yield _of_ours(_("tax number or VAT id"), tab)
    elif used & {TaxCategory.INTRA_COMMUNITY, TaxCategory.EXPORT} and not seller["vat_id"].strip():
        yield _of_ours(_("VAT id"), tab)
    untaxed = TaxCategory.NOT_SUBJECT in used
    own_number = seller["registration_number"].strip() or seller["tax_id"].strip()
    own_number = own_number or (not untaxed and seller["vat_id"].strip())
    if not own_number:
        yield _of_ours(_("registration number"), tab)
    both = used & {TaxCategory.REVERSE_CHARGE, TaxCategory.INTRA_COMMUNITY}
    if both and not buyer["vat_id"].strip():
        yield _of_customer(_("VAT id"), _("Invoicing"))
    if untaxed:
        return
    for snapshot, where, place in ((seller, _of_ours, tab), (buyer, _of_customer, _("Invoicing"))):
        country = compact(snapshot["vat_id"]).upper()[:2]
        if country and country != _GREECE and country not in codes("countries"):
            yield where(_("VAT id, beginning with the code of its country"), place)


def _mixed(lines: Sequence[InvoiceLine]) -> Iterator[str]:
    """Not subject to VAT stands alone on an e-invoice (BR-O-12)."""
    untaxed = [line for line in lines if line.tax_category == TaxCategory.NOT_SUBJECT]
    if untaxed and len(untaxed) < len(lines):
        yield _(
            "a tax code for line %(position)s: what is not subject to VAT cannot stand beside other lines "
            "(exempt or zero rated can), or bill it apart"
        ) % {"position": untaxed[0].position}


def _delivery(invoice: Invoice, lines: Sequence[InvoiceLine]) -> Iterator[str]:
    if not (invoice.service_from or invoice.service_to or any(line.service_to for line in lines)):
        yield _("the service period (on the draft): a supply to another EU country says when it was delivered")


def _german(invoice: Invoice, seller: Mapping[str, Any], buyer: Mapping[str, Any]) -> Iterator[str]:
    """What XRechnung wants besides."""
    for field, snapshot, where in (
        ("city", seller, _of_ours),
        ("postal_code", seller, _of_ours),
        ("city", buyer, _of_customer),
        ("postal_code", buyer, _of_customer),
    ):
        if not snapshot[field].strip():
            yield where(_("city") if field == "city" else _("postal code"))
    if sum(character.isdigit() for character in seller["phone"]) < 3:
        yield _of_ours(_("phone"))
    if not seller["email"]:
        yield _of_ours(_("e-mail address"))
    if not (seller["tax_id"].strip() or seller["vat_id"].strip()):
        yield _of_ours(_("tax number or VAT id"), _("Tax and bank"))
    if not (buyer.get("leitweg_id") or invoice.buyer_reference.strip()):
        yield _("buyer reference (on the draft), or Leitweg-ID of the customer (Customers › Invoicing)")
    if endpoint_of(buyer) is None:
        yield _of_customer(_("electronic address or e-mail address"), _("Invoicing"))
    yield from _account(invoice, seller)


def _account(invoice: Invoice, seller: Mapping[str, Any]) -> Iterator[str]:
    if not invoice.is_credit_note and not is_iban(seller["bank"]["iban"]):
        yield _of_ours(_("IBAN"), _("Tax and bank"))
