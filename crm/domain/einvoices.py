"""The e-invoice of a document, written and judged while it is issued: what breaks a rule is not issued."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from crm.domain.einvoice_gaps import can_be_einvoice, gaps_of
from crm.domain.einvoice_terms import terms_of
from crm.domain.invoicing import InvoiceRefused
from crm.engine.en16931 import official
from crm.engine.en16931.check import broken_rules, in_words
from crm.engine.en16931.cii import read_cii
from crm.engine.en16931.schema import SchemaBroken, refuse_misshapen
from crm.engine.en16931.writer import write_cii
from crm.engine.en16931.xml import parse
from crm.enums import DocumentFormat, InvoiceFormat
from crm.models import Invoice, InvoiceDocument, InvoiceLine

# Raised whenever the same invoice would be written differently; stored with each e-invoice.
WRITER_VERSION = "cii-1"
MOST_SHOWN = 5


class EInvoiceRefused(InvoiceRefused):
    """The e-invoice would be incomplete or break a rule; the message says what to mend and where."""

    code = "e_invoice_refused"


def attach(issued: Invoice, lines: Sequence[InvoiceLine], *, at: datetime) -> None:
    """Write, check and store the e-invoice of a document that is being issued, where its customer wants one.

    Part of the issuing transaction: what is refused here was never issued. Raises EInvoiceRefused.
    """
    document = made_for(issued, lines, at=at)
    if document is not None:
        document.save()


def made_for(
    issued: Invoice, lines: Sequence[InvoiceLine], *, at: datetime, officially: bool = True
) -> InvoiceDocument | None:
    """The checked e-invoice, not stored yet; None where the customer or the currency wants none.

    ``officially``: ask the official rules too, where this installation has them. Raises EInvoiceRefused.
    """
    if not is_wanted(issued):
        return None
    gaps = gaps_of(issued, lines, seller=issued.seller, buyer=issued.buyer)
    if gaps:
        raise EInvoiceRefused(
            _("The e-invoice of %(invoice)s still needs: %(gaps)s.")
            % {"invoice": issued.reference, "gaps": "; ".join(gaps)}
        )
    content = write_cii(terms_of(issued, lines))
    refuse_faulty(content, issued.reference, officially=officially)
    return InvoiceDocument(
        invoice=issued,
        format=DocumentFormat.XML,
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        template_version=f"{WRITER_VERSION}-{issued.buyer['invoice_format']}",
        rendered_at=at,
        created_at=at,
    )


def form_of(draft: Invoice, lines: Sequence[InvoiceLine]) -> InvoiceFormat:
    """The form a document takes as it is issued; a customer who left it open gets an e-invoice once it can be one.

    Nobody's invoice waits for a country that only the e-invoice needs, unless somebody asked for e-invoices.
    """
    wanted = InvoiceFormat(draft.buyer["invoice_format"])
    if wanted != InvoiceFormat.AUTO:
        return wanted
    if not can_be_einvoice(draft.currency) or gaps_of(draft, lines, seller=draft.seller, buyer=draft.buyer):
        return InvoiceFormat.PDF
    return InvoiceFormat.FACTURX


def is_wanted(issued: Invoice) -> bool:
    """Whether this document has an e-invoice: as its customer wants it, and where the standard has its currency."""
    wanted = issued.buyer.get("invoice_format", InvoiceFormat.PDF)
    if wanted == InvoiceFormat.FACTURX:
        return can_be_einvoice(issued.currency)
    return bool(wanted == InvoiceFormat.XRECHNUNG)


def refuse_faulty(content: bytes, name: str, *, officially: bool) -> None:
    """Read back what was written and judge it: by the schema, by our own rules, by the official ones.

    Raises EInvoiceRefused with the ids of the rules and their words.
    """
    root = parse(content)
    try:
        refuse_misshapen(root)
    except SchemaBroken as error:
        raise _refused(name, [f"XML schema, {error}"]) from error
    found = [in_words(one) for one in broken_rules(read_cii(root))]
    if not found and officially:
        found = official.failures(content, stylesheet())
    if found:
        raise _refused(name, list(dict.fromkeys(found)))


def stylesheet() -> Path | None:
    """The official rules this installation asks at issue; None where it has none or wants none."""
    wanted = settings.E_INVOICE_RULES
    if wanted == "off" or not official.is_installed():
        return None
    return official.bundled() if wanted == "auto" else official.in_folder(Path(wanted))


def _refused(name: str, found: list[str]) -> EInvoiceRefused:
    shown = " · ".join(found[:MOST_SHOWN])
    if len(found) > MOST_SHOWN:
        shown += _(" · and %(count)s more") % {"count": len(found) - MOST_SHOWN}
    return EInvoiceRefused(
        _("%(invoice)s is not issued, its e-invoice breaks rules of EN 16931: %(rules)s")
        % {"invoice": name, "rules": shown}
    )
