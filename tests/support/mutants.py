"""Changed copies of an e-invoice: each differs from the original in one place."""

from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal, InvalidOperation
from typing import Any

from lxml import etree

_CATEGORIES = ("S", "Z", "E", "AE", "K", "G", "O", "L", "M", "B", "XX")
_SHIFTS = (Decimal("0.01"), Decimal("0.5"), Decimal("-1"), Decimal("250"), Decimal("0.001"))


def mutants(content: bytes) -> Iterator[tuple[str, bytes]]:
    """What was changed, and the changed document: an element or attribute dropped, an amount or code replaced."""
    root = etree.fromstring(content, etree.XMLParser(remove_comments=True, remove_blank_text=True))
    tree = root.getroottree()
    for node in list(root.iter(etree.Element)):
        path = tree.getpath(node)
        if node is not root:
            yield f"without {path}", _changed(root, path, _drop)
        for name in node.attrib:
            yield f"without {path}/@{name}", _changed(root, path, lambda one, key=name: one.attrib.pop(key))
            yield f"{path}/@{name} = XX", _changed(root, path, lambda one, key=name: one.set(key, "XX"))
        if len(node) == 0 and (node.text or "").strip():
            for text in _others(node):
                yield f"{path} = {text}", _changed(root, path, lambda one, value=text: setattr(one, "text", value))


def _others(node: Any) -> list[str]:
    """Values of the same kind that say something else."""
    name, text = etree.QName(node).localname, node.text.strip()
    if name in ("CategoryCode",) or (name == "ID" and text in _CATEGORIES):
        return [one for one in _CATEGORIES if one != text]
    if name.endswith(("Amount", "Percent", "Quantity")):
        try:
            return [format(Decimal(text) + shift, "f") for shift in _SHIFTS] + [format(-Decimal(text), "f")]
        except InvalidOperation:
            return []
    if name in ("Indicator", "ChargeIndicator"):
        return ["false" if text == "true" else "true"]
    if name.endswith(("Code", "CountryID")):
        return ["XX", "DE", "EUR", "381", "30", "58"]
    if name.endswith("Date") or node.get("format") == "102":
        return ["20100101" if node.get("format") else "2010-01-01"]
    if name.endswith(("ID", "Name")):
        return ["XX"]
    return []


def _changed(root: Any, path: str, change: Any) -> bytes:
    copy = deepcopy(root)
    change(copy.getroottree().xpath(path, namespaces={k: v for k, v in copy.nsmap.items() if k})[0])
    return etree.tostring(copy, xml_declaration=True, encoding="UTF-8")


def _drop(node: Any) -> None:
    node.getparent().remove(node)
