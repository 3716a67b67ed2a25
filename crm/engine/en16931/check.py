"""All rules at once, and the documents that are refused for them."""

from collections.abc import Iterator, Sequence
from decimal import Context, localcontext

from crm.engine.en16931 import rules_codes, rules_de, rules_parts, rules_sums, rules_tax
from crm.engine.en16931.findings import Broken
from crm.engine.en16931.model import Document
from crm.engine.en16931.texts import text_of

_CORE = (
    rules_parts.header,
    rules_parts.parties,
    rules_parts.periods,
    rules_parts.payment,
    rules_parts.lines,
    rules_parts.adjustments,
    rules_sums.totals,
    rules_sums.taxes,
    rules_sums.digits,
    rules_tax.categories,
    rules_codes.code_lists,
)


class RulesBroken(ValueError):
    """The document breaks rules of EN 16931; ``broken`` has them all, the message the first in words."""

    def __init__(self, broken: Sequence[Broken]) -> None:
        self.broken = tuple(broken)
        super().__init__("; ".join(dict.fromkeys(in_words(one) for one in broken)))

    @property
    def rules(self) -> list[str]:
        """The ids of the rules, each once, in the order found."""
        return list(dict.fromkeys(one.rule for one in self.broken))


def in_words(one: Broken) -> str:
    """A finding as a person reads it: ``BR-25 (line 3): A line names what was sold.``"""
    where = f" (line {one.line})" if one.line else ""
    return f"{one.rule}{where}: {text_of(one.rule)}"


def broken_rules(doc: Document) -> list[Broken]:
    """What the document breaks of EN 16931, and of XRechnung where it says that it is one."""
    with localcontext(Context(prec=100)):
        return list(_broken(doc))


def _broken(doc: Document) -> Iterator[Broken]:
    for rules in _CORE:
        yield from rules(doc)
    if rules_de.is_xrechnung(doc):
        yield from rules_de.german(doc)
