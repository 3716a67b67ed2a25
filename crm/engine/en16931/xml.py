"""Small steps through a parsed XML document, and its safe parsing."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

LARGEST = 50_000_000  # bytes: 5,000 lines are 5 MB


class UnreadableInvoice(ValueError):
    """The bytes are no invoice of EN 16931 that can be read; the message says where it fails."""


def parse(content: bytes) -> Any:
    """The root element; no outside files, no entities, no document types. Raises UnreadableInvoice."""
    if len(content) > LARGEST:
        raise UnreadableInvoice("the document is larger than 50 MB")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableInvoice(f"no well-formed XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnreadableInvoice("a document type is not allowed in an invoice")
    return root


def child(node: Any, path: str) -> Any:
    """The first element at a path of Clark names, None when there is none."""
    return None if node is None else node.find(path)


def text(node: Any, path: str) -> str | None:
    """The text of the first element at a path: None when it is absent, an empty text when it is empty."""
    found = None if node is None else node.find(path)
    return None if found is None else (found.text or "").strip()


def number(node: Any, path: str) -> Decimal | None:
    """The decimal number at a path. Raises UnreadableInvoice for anything else, also for an empty element."""
    found = None if node is None else node.find(path)
    return None if found is None else number_of(found)


def number_of(found: Any) -> Decimal:
    """The decimal number an element holds: digits, a sign, a point (XML Schema's decimal, so no exponent)."""
    value = (found.text or "").strip()
    if not value or not set(value) <= set("0123456789+-."):
        raise UnreadableInvoice(f"{_name(found)} is no number: {value[:40]!r}")
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise UnreadableInvoice(f"{_name(found)} is no number: {value[:40]!r}") from error


def day(found: Any, *, compact: bool) -> date | None:
    """The day an element holds: 20261031 (``compact``, format 102) or 2026-10-31; else None."""
    value = "" if found is None else (found.text or "").strip()
    if not value or (compact and found.get("format") != "102"):
        return None
    try:
        return date.fromisoformat(_iso(value, compact))
    except ValueError as error:
        raise UnreadableInvoice(f"{_name(found)} is no day: {value[:40]!r}") from error


def _iso(value: str, compact: bool) -> str:
    if compact:
        if len(value) != 8 or not value.isdigit():
            raise ValueError(value)
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    return value[:10]  # a time zone may follow


def flag(found: Any) -> bool:
    """An indicator. Raises UnreadableInvoice when it says neither true nor false."""
    value = "" if found is None else (found.text or "").strip()
    if value not in ("true", "false", "1", "0"):
        raise UnreadableInvoice("an allowance or charge does not say which of both it is")
    return value in ("true", "1")


def _name(found: Any) -> str:
    return str(etree.QName(found).localname)
