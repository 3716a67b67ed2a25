"""What cannot be printed truthfully is refused before it is printed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crm.documents.data import DocumentData, InconsistentDocument
from tests.crm.documents.samples import credit_note, document, line, many_lines, totals_of


def test_the_samples_are_consistent() -> None:
    assert document().shown_number == "NL-2026-00042"
    assert len(many_lines(7).totals.breakdown) == 2


def test_a_draft_is_named_by_its_reference() -> None:
    draft = document(draft=True, number="", draft_reference="D-7F3A")

    assert draft.shown_number == "D-7F3A"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"number": ""}, "needs a number"),
        ({"draft": True}, "has no number"),
        ({"kind": "receipt"}, "unknown kind"),
        ({"language": "fr"}, "unknown language"),
        ({"service_to": date(2026, 9, 30)}, "ends before it starts"),
    ],
)
def test_a_contradictory_header_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InconsistentDocument, match=message):
        document(**changes)


def test_a_credit_note_must_name_what_it_corrects() -> None:
    with pytest.raises(InconsistentDocument, match="names the invoice"):
        credit_note(corrects_number="")


@pytest.mark.parametrize(
    ("field", "message"),
    [("net", "not add up to the net"), ("tax", "not add up to the tax"), ("gross", "not the gross total")],
)
def test_a_total_off_by_a_cent_is_refused(field: str, message: str) -> None:
    data = many_lines(7)
    wrong = replace(data.totals, **{field: getattr(data.totals, field) + Decimal("0.01")})

    with pytest.raises(InconsistentDocument, match=message):
        replace(data, totals=wrong)


@pytest.mark.parametrize(
    ("field", "message"), [("basis", "add up to its basis"), ("tax", "not its basis times the rate")]
)
def test_a_tax_group_off_by_a_cent_is_refused(field: str, message: str) -> None:
    data = many_lines(7)
    first, *others = data.totals.breakdown
    wrong = replace(first, **{field: getattr(first, field) + Decimal("0.01")})

    with pytest.raises(InconsistentDocument, match=message):
        replace(data, totals=replace(data.totals, breakdown=(wrong, *others)))


def test_a_line_of_a_rate_the_summary_lacks_is_refused() -> None:
    with pytest.raises(InconsistentDocument, match="line 2 is in no tax group"):
        document(line(1), line(2, tax_rate="7"), totals=totals_of([line(1)]))


def test_a_line_finer_than_the_currency_is_refused() -> None:
    finer = replace(line(1), net=Decimal("4536.001"))

    with pytest.raises(InconsistentDocument, match="finer than the currency"):
        document(finer, totals=totals_of([line(1)]))


@pytest.mark.parametrize(("exponent", "price"), [(0, "189"), (8, "0.00001234")])
def test_currencies_of_other_decimals_are_taken(exponent: int, price: str) -> None:
    data: DocumentData = document(line(1, unit_price=price, currency_exponent=exponent), currency_exponent=exponent)

    assert data.totals.gross.as_tuple().exponent == -exponent
