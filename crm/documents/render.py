"""Document data to PDF/A-3b bytes: the same data gives the same bytes, on every machine and every day."""

from typing import Any

from crm.documents.data import DocumentData
from crm.documents.einvoice.embed import announce, attachment
from crm.documents.fonts import needs_wide_fonts
from crm.documents.html import TEMPLATE_VERSION, render_html
from crm.documents.press import (
    RenderError,
    lock,
    page_class,
    press,
    refusals_are_errors,
)

__all__ = [
    "PDF_VARIANT",
    "TEMPLATE_VERSION",
    "RenderError",
    "embedded",
    "pdf_from_html",
    "render_html",
    "render_pdf",
    "warm_up",
]

PDF_VARIANT = "pdf/a-3b"


def render_pdf(data: DocumentData) -> bytes:
    """The document as PDF/A-3b, with its e-invoice inside where it has one (Factur-X)."""
    return pdf_from_html(render_html(data), **embedded(data))


def embedded(data: DocumentData) -> dict[str, Any]:
    """How WeasyPrint is told of the e-invoice; nothing for a document without one."""
    if not data.einvoice:
        return {}
    return {"attachments": [attachment(data.einvoice, issued_on=data.issued_on)], "finisher": announce}


def pdf_from_html(markup: str, **options: Any) -> bytes:
    """Lay out what :func:`render_html` made; apart from it so that each half can be measured."""
    with lock:
        used = press(wide=needs_wide_fonts(markup))
        with refusals_are_errors():
            content = page_class()(markup, used.base).write_pdf(
                stylesheets=[used.stylesheet], font_config=used.fonts, pdf_variant=PDF_VARIANT, **options
            )
    return bytes(content)


def warm_up() -> None:
    """Load what the first document would otherwise wait for (1.3 s); worker processes call it at start."""
    with lock:
        press(wide=False)
