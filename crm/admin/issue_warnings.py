"""What does not stop an issue but should be seen before, in words of the people who press the button."""

from collections.abc import Iterable, Sequence

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.domain.einvoice_gaps import can_be_einvoice, gaps_of
from crm.domain.issuing import buyer_snapshot, seller_snapshot
from crm.domain.taxes import code_of_line
from crm.enums import InvoiceFormat, TaxCategory
from crm.models import Customer, Invoice, InvoiceLine

MOST_LINES_SHOWN = 10


def warnings_of_one(issued: Invoice, lines: Sequence[InvoiceLine], customer: Customer) -> list[str]:
    """About a document as it would be issued; ``lines`` bear the tax they would be printed with."""
    found = untaxed_lines("", lines, customer)
    found += missing_vat_ids(lines, seller=issued.seller["vat_id"], buyer=issued.buyer["vat_id"])
    if not customer.invoice_email:
        found.append(_("No e-mail address is known: the invoice will not be sent."))
    if not customer.address_lines or not customer.country:
        found.append(_("The customer's address is incomplete."))
    if not issued.seller["bank"]["iban"]:
        found.append(_("Our legal entity has no bank account: the paper tells nobody where to pay."))
    if not (issued.seller["vat_id"] or issued.seller["tax_id"]):
        found.append(_("Our legal entity has neither tax number nor VAT id."))
    found += paper_only(issued, lines, customer)
    if not issued.gross_total:
        found.append(_("The total is 0; the invoice will be settled at once."))
    return found


def warnings_of_many(drafts: Sequence[Invoice]) -> list[str]:
    """About many drafts at once: those that will be refused, lines without a tax code, papers without an account."""
    open_drafts = [draft for draft in drafts if draft.is_draft]
    found = [_("%(invoice)s is no draft and will be refused.") % {"invoice": d} for d in drafts if not d.is_draft]
    prefetch_related_objects(
        open_drafts, "customer__tax_code", "lines__tax_code", "lines__product__tax_code", "legal_entity__logo"
    )
    for draft in open_drafts:
        ids = missing_vat_ids(draft.lines.all(), seller=draft.legal_entity.vat_id, buyer=draft.customer.vat_id)
        found += [f"{draft}: {text}" for text in ids]
        found += missing_for_einvoice(draft)
    untaxed = [text for d in open_drafts for text in untaxed_lines(str(d), d.lines.all(), d.customer)]
    found += untaxed[:MOST_LINES_SHOWN]
    if len(untaxed) > MOST_LINES_SHOWN:
        more = len(untaxed) - MOST_LINES_SHOWN
        text = ngettext("%(n)s more line has no tax code.", "%(n)s more lines have no tax code.", more)
        found.append(text % {"n": more})
    for entity in {d.legal_entity.pk: d.legal_entity for d in open_drafts}.values():
        if not entity.iban:
            found.append(_("%(entity)s has no bank account: its papers tell nobody where to pay.") % {"entity": entity})
    unsent = sum(1 for draft in open_drafts if not draft.customer.invoice_email)
    if unsent:
        text = ngettext(
            "%(n)s customer has no e-mail address; this invoice will not be sent.",
            "%(n)s customers have no e-mail address; these invoices will not be sent.",
            unsent,
        )
        found.append(text % {"n": unsent})
    return found


def paper_only(issued: Invoice, lines: Sequence[InvoiceLine], customer: Customer) -> list[str]:
    """Why a document will hold no e-invoice although its customer did not ask for paper only."""
    if customer.invoice_format in (InvoiceFormat.PDF, InvoiceFormat.XRECHNUNG):
        return []
    if not can_be_einvoice(issued.currency):
        return [_("E-invoices know no %(currency)s: there will be a PDF only.") % {"currency": issued.currency}]
    gaps = gaps_of(issued, lines, seller=issued.seller, buyer=buyer_snapshot(customer))
    return [_without_einvoice(gaps)] if gaps else []


def _without_einvoice(gaps: Sequence[str]) -> str:
    return _("There will be a PDF without an e-invoice inside; for one is still needed: %(gaps)s.") % {
        "gaps": "; ".join(gaps)
    }


def missing_for_einvoice(draft: Invoice) -> list[str]:
    """What the e-invoice of a draft still needs; where the customer insists on one, the draft is refused without."""
    seller, buyer = seller_snapshot(draft.legal_entity), buyer_snapshot(draft.customer)
    gaps = gaps_of(draft, list(draft.lines.all()), seller=seller, buyer=buyer)
    if not gaps:
        return []
    if draft.customer.invoice_format == InvoiceFormat.AUTO:
        return [f"{draft}: {_without_einvoice(gaps)}"]
    facts = {"draft": draft, "gaps": "; ".join(gaps)}
    return [_("%(draft)s will be refused, its e-invoice still needs: %(gaps)s.") % facts]


def untaxed_lines(draft: str, lines: Iterable[InvoiceLine], customer: Customer) -> list[str]:
    """One sentence per line that nobody gave a tax code: it would be printed as not subject to VAT."""
    found = []
    for line in lines:
        if code_of_line(line, customer=customer) is not None:
            continue
        facts = {"position": line.position, "text": _short(line.description), "draft": draft}
        if draft:
            sentence = _("%(draft)s, line %(position)s “%(text)s” has no tax code: it will say “Not subject to VAT”.")
        else:
            sentence = _(
                "Line %(position)s “%(text)s” has no tax code: “Not subject to VAT” will be printed. If VAT is due, "
                "choose a tax code for the line, its product or the customer first."
            )
        found.append(sentence % facts)
    return found


def missing_vat_ids(lines: Iterable[InvoiceLine], *, seller: str, buyer: str) -> list[str]:
    """Under reverse charge the law wants both VAT ids on the paper; a draft without the customer's is refused."""
    found = []
    for line in lines:
        if line.tax_category != TaxCategory.REVERSE_CHARGE:
            continue
        facts = {"position": line.position, "text": _short(line.description)}
        if not buyer:
            found.append(
                _("Line %(position)s “%(text)s” is reverse charge, but the customer has no VAT id: it will be refused.")
                % facts
            )
        if not seller:
            found.append(
                _("Line %(position)s “%(text)s” is reverse charge, but our legal entity has no VAT id.") % facts
            )
    return found


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
