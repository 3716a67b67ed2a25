"""Documents of every kind that the product can write, drawn at random: the terms of the standard, before any XML."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from crm.engine.amounts import LineInput, line_net, summarise
from crm.engine.en16931 import model
from crm.engine.en16931.rules_de import PROCESS, XRECHNUNG

UNITS = ("C62", "KWH", "KWT", "MON", "HUR", "DAY")
TEXTS = (
    "Hosting of 24 Antminer S21", "Strom & Wärme <Halle 7>", "电力 有限公司", "الطاقة", "\u202eevil", "=1+1",
    "a\x00b\x0bc", "  two  spaces ", "\"quoted\" 'text'", "]]>", "😀", "x" * 500,
)  # fmt: skip
_CODES = {"AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G", "O": "VATEX-EU-O", "E": "VATEX-EU-132"}
# Not subject to VAT stands alone; every other category may stand beside the others.
_MIXES = (("S",), ("S", "Z", "E"), ("AE",), ("AE", "S"), ("K",), ("K", "AE", "G"), ("G",), ("O",), ("E",), ("Z",),
          ("S", "Z", "E", "AE", "K", "G"))  # fmt: skip
_DAY = st.dates(date(2020, 1, 1), date(2035, 12, 31))

amounts = st.decimals(Decimal("-99999.99999999"), Decimal("99999.99999999"), places=8)
quantities = st.decimals(Decimal("-99999.999"), Decimal("99999.999"), places=3).filter(bool)


@st.composite
def lines(draw: Any, categories: tuple[str, ...], digits: int) -> model.Line:
    """One line: any quantity, price, rate; prices below zero become quantities below zero, as the writer's do."""
    category = draw(st.sampled_from(categories))
    rate = (
        Decimal(0)
        if category != "S"
        else draw(st.sampled_from([Decimal(19), Decimal(7), Decimal("8.1"), Decimal("25.500")]))
    )
    quantity, price = draw(quantities), draw(amounts | st.just(Decimal(0)))
    if price < 0:
        quantity, price = -quantity, -price
    start = draw(st.none() | _DAY)
    return model.Line(
        name=draw(st.sampled_from(TEXTS)).replace("  ", " "),
        quantity=quantity,
        unit=draw(st.sampled_from(UNITS)),
        price=price,
        net=line_net(quantity, price, digits),
        tax=model.Tax(category=category, rate=None if category == "O" else rate),
        period=None
        if start is None
        else model.Period(start=start, end=start + timedelta(days=draw(st.integers(0, 400)))),
    )


@st.composite
def documents(draw: Any, *, most_lines: int = 12, german: bool | None = None) -> model.Document:
    """A whole document: invoice or credit note, Factur-X or XRechnung, complete as the product insists on."""
    currency, digits = draw(st.sampled_from([("EUR", 2), ("USD", 2), ("CHF", 2), ("NOK", 2), ("JPY", 0), ("AED", 2)]))
    categories = draw(st.sampled_from(_MIXES))
    drawn = draw(st.lists(lines(categories, digits), min_size=1, max_size=most_lines))
    return finished(
        drawn, currency=currency, digits=digits,
        credit=draw(st.booleans()), german=draw(st.booleans()) if german is None else german,
        prepaid=draw(st.sampled_from([Decimal(0), Decimal("12")])),
        texts=draw(st.tuples(*[st.sampled_from(TEXTS)] * 4)),
        issued_on=draw(_DAY),
    )  # fmt: skip


def finished(
    drawn: list[model.Line], *, currency: str, digits: int, credit: bool, german: bool, prepaid: Decimal,
    texts: tuple[str, ...], issued_on: date,
) -> model.Document:  # fmt: skip
    """The document around its lines."""
    used = {line.tax.category for line in drawn if line.tax}
    totals = summarise(
        [
            LineInput(
                line.quantity or Decimal(0),
                line.price or Decimal(0),
                line.tax.category or "",
                line.tax.rate or Decimal(0),
            )
            for line in drawn
            if line.tax
        ],
        prepaid=prepaid,
        currency_exponent=digits,
    )
    shown = [
        model.Line(**{name: getattr(line, name) for name in line.__slots__} | {"id": str(position)})
        for position, line in enumerate(drawn, 1)
    ]
    untaxed = "O" in used
    return model.Document(
        specification=XRECHNUNG if german else "urn:cen.eu:en16931:2017",
        process=PROCESS if german else None,
        number="NL-2026-00042",
        issued_on=issued_on,
        type_code="381" if credit else "380",
        currency=currency,
        due_on=None if credit else issued_on + timedelta(days=14),
        terms=texts[0],
        buyer_reference="04011000-1234512345-06" if german else None,
        notes=tuple(text for text in texts[1:3]),
        corrects=(model.Reference("NL-2026-00041", issued_on),) if credit else (),
        seller=_party("Nordlicht & Söhne GmbH", "DE", "DE123456789", untaxed=untaxed),
        buyer=_party(texts[3] + "x", "NO" if "K" not in used else "FR", "FR12345678901", untaxed=untaxed),
        delivery=model.Delivery(
            on=issued_on, address=model.Address(city="Lyon", postal_code="69001", country="FR")
        ) if "K" in used else None,
        payments=(
            model.Payment(code="97") if credit else model.Payment(
                code="58" if currency == "EUR" else "30", reference="NL-2026-00042", account="DE89370400440532013000",
                has_account=True, account_name="Nordlicht", bic="COBADEFFXXX",
            ),
        ),
        groups=tuple(
            model.TaxGroup(
                basis=group.basis, amount=group.tax,
                tax=model.Tax(
                    category=group.category, rate=None if group.category == "O" and not german else group.rate
                ),
                reason="because" if group.category not in ("S", "Z") else None,
                reason_code=_CODES.get(group.category),
            )
            for group in totals.breakdown
        ),
        tax_totals=(model.TaxTotal(amount=totals.tax, currency=currency),),
        sums=model.Sums(
            lines=totals.net, net=totals.net, gross=totals.gross, due=totals.due, prepaid=prepaid or None
        ),
        lines=tuple(shown),
    )  # fmt: skip


def _party(name: str, country: str, vat_id: str, *, untaxed: bool) -> model.Party:
    taxes = () if untaxed else (model.Identifier(vat_id, "VA"),)
    return model.Party(
        name=name,
        legal_id=model.Identifier("HRB 21045"),
        tax_ids=taxes,
        endpoint=model.Identifier("billing@nordlicht.example", "EM"),
        contact=model.Contact(name="Billing", phone="+49 431 5550", email="billing@nordlicht.example"),
        address=model.Address(lines=("Kaistraße 1",), city="Kiel", postal_code="24103", country=country),
    )
