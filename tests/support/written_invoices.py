"""E-invoices of our own making in CII and UBL, with all that our writer never writes but others do.

Allowances and charges on lines and on the document, rounding, prepaid amounts, prices per several units, all VAT
categories, lines below zero, a second currency for the tax, several preceding documents.
"""

from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from xml.sax.saxutils import escape

CENT = Decimal("0.01")
EXEMPT = {"E": "VATEX-EU-132", "AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G", "O": "VATEX-EU-O"}
MIXES = (
    ("S",),
    ("S", "Z"),
    ("S", "E", "AE"),
    ("Z", "G", "K"),
    ("S", "Z", "E", "AE", "K", "G"),
    ("O",),
    ("E",),
    ("AE",),
)
UNIT = ' unitCode="KWH"'
RATES = (Decimal(19), Decimal(7), Decimal("25.5"), Decimal("2.1"))


def cents(amount: Decimal) -> Decimal:
    """Half up, away from zero."""
    return amount.quantize(CENT, ROUND_HALF_UP) + 0  # without a zero below zero, which processors take for another one


@dataclass(frozen=True)
class Extra:
    """An allowance or a charge, of a percentage of something or of an amount."""

    charge: bool
    amount: Decimal
    base: Decimal | None = None
    percent: Decimal | None = None
    reason: str = "Agreed"
    code: str = ""
    category: str = ""
    rate: Decimal = Decimal(0)

    @property
    def signed(self) -> Decimal:
        """Above zero for a charge."""
        return self.amount if self.charge else -self.amount


@dataclass(frozen=True)
class Row:
    """A line; its price is for ``per`` units."""

    quantity: Decimal
    price: Decimal
    per: Decimal | None
    category: str
    rate: Decimal
    extras: tuple[Extra, ...] = ()

    @property
    def net(self) -> Decimal:
        """What it comes to."""
        return cents(
            self.quantity * self.price / (self.per or 1) + sum((one.signed for one in self.extras), Decimal(0))
        )


@dataclass(frozen=True)
class Paper:
    """A document before it is written."""

    rows: tuple[Row, ...]
    extras: tuple[Extra, ...]
    currency: str = "EUR"
    tax_currency: str = ""
    tax_factor: Decimal = Decimal("1.08765")
    credit: bool = False
    prepaid: Decimal | None = None
    rounding: Decimal | None = None
    references: tuple[tuple[str, str], ...] = ()
    groups: dict[tuple[str, Decimal], Decimal] = field(default_factory=dict)

    def reckoned(self) -> "Paper":
        """With its bases per category and rate."""
        bases: dict[tuple[str, Decimal], Decimal] = {}
        for part, amount in [*((row, row.net) for row in self.rows), *((one, one.signed) for one in self.extras)]:
            key = (part.category, part.rate)
            bases[key] = bases.get(key, Decimal(0)) + amount
        return replace(self, groups=bases)

    def has(self, *, charge: bool) -> bool:
        """Charges, or allowances, on the document."""
        return any(one.charge is charge for one in self.extras)

    @property
    def totals(self) -> dict[str, Decimal]:
        """BG-22."""
        lines = sum((row.net for row in self.rows), Decimal(0))
        allowances = sum((one.amount for one in self.extras if not one.charge), Decimal(0))
        charges = sum((one.amount for one in self.extras if one.charge), Decimal(0))
        tax = sum((cents(basis * rate / 100) for (_code, rate), basis in self.groups.items()), Decimal(0))
        gross = lines - allowances + charges + tax
        due = gross - (self.prepaid or 0) + (self.rounding or 0)
        return {"lines": lines, "allowances": allowances, "charges": charges, "net": gross - tax, "tax": tax,
                "gross": gross, "due": due}  # fmt: skip


def drawn(chance: Random) -> Paper:
    """Any such document that keeps the rules."""
    mix = chance.choice(MIXES)
    rows = tuple(_row(chance, chance.choice(mix)) for _place in range(chance.randint(1, 7)))
    used = sorted({(row.category, row.rate) for row in rows})
    extras = tuple(_extra(chance, *chance.choice(used)) for _place in range(chance.choice((0, 0, 1, 2, 5))))
    currency = chance.choice(("EUR", "USD", "GBP", "JPY", "NOK", "CHF"))
    credit = chance.random() < 0.3
    paper = Paper(
        rows=rows,
        extras=extras,
        currency=currency,
        tax_currency=chance.choice(("", "", "PLN" if currency != "PLN" else "EUR")),
        credit=credit,
        prepaid=chance.choice((None, Decimal(0), Decimal("12.34"), Decimal("-5"))),
        references=tuple(
            (f"RE-{place}", chance.choice(("", "2026-01-31"))) for place in range(chance.choice((0, 1, 3)) or credit)
        ),
    ).reckoned()
    if chance.random() < 0.4:  # paid in coins of five
        due = paper.totals["due"]
        paper = replace(paper, rounding=(due * 20).quantize(Decimal(1), ROUND_HALF_UP) / 20 - due)
    return paper


def _row(chance: Random, category: str) -> Row:
    quantity = Decimal(chance.randint(1, 99999)).scaleb(-chance.choice((0, 2, 4))) * chance.choice((1, 1, 1, -1))
    price = Decimal(chance.randint(0, 999999)).scaleb(-chance.choice((2, 4, 6)))
    rate = chance.choice(RATES) if category == "S" else Decimal(0)
    extras = tuple(_extra(chance) for _place in range(chance.choice((0, 0, 1, 3))))
    return Row(quantity, price, chance.choice((None, None, Decimal(1), Decimal(1000), Decimal("0.5"))), category, rate,
               extras)  # fmt: skip


def _extra(chance: Random, category: str = "", rate: Decimal = Decimal(0)) -> Extra:
    base = Decimal(chance.randint(1, 99999)).scaleb(-2)
    percent = Decimal(chance.randint(1, 9999)).scaleb(-2)
    stated = chance.random() < 0.5
    amount = cents(base * percent / 100) if stated else base
    charge = chance.random() < 0.5
    code = chance.choice(("", "ABL" if charge else "95"))
    return Extra(charge, amount, base if stated else None, percent if stated else None, "Agreed & noted", code,
                 category, rate)  # fmt: skip


def tag(name: str, value: object, attributes: str = "") -> str:
    """An element."""
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    return f"<{name}{attributes}>{escape(text)}</{name}>"


def in_currency(currency: str) -> str:
    """The attribute of an amount."""
    return f' currencyID="{currency}"'


def when(value: object, text: str) -> str:
    """The text where there is a value."""
    return "" if value is None or value == "" else text


def untaxed(paper: Paper) -> bool:
    """Whether it is not subject to VAT: then nobody names a VAT id."""
    return any(row.category == "O" for row in paper.rows)
