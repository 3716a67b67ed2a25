"""Credits in any parts add up to the invoice: per line, per tax group, in total."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from crm.engine.amounts import LineInput, line_net, summarise, tax_of
from crm.engine.crediting import Taken, credited

TAXES = st.sampled_from([("S", Decimal(19)), ("S", Decimal(7)), ("S", Decimal("8.1")), ("Z", Decimal(0))])


@st.composite
def invoices(draw: st.DrawFn) -> tuple[list[LineInput], list[list[Decimal]], int]:
    """Lines, the quantities each note takes of each of them until nothing is left, and the digits of the currency."""
    lines, cuts = [], []
    notes = draw(st.integers(1, 5))
    for _number in range(draw(st.integers(1, 4))):
        category, rate = draw(TAXES)
        parts = draw(st.lists(st.integers(0, 1500), min_size=notes, max_size=notes).filter(any))
        sign = draw(st.sampled_from([1, 1, 1, -1]))
        price = Decimal(draw(st.integers(0, 99_999_999))).scaleb(-draw(st.integers(0, 8)))
        cuts.append([Decimal(sign * part).scaleb(-3) for part in parts])
        lines.append(LineInput(sum(cuts[-1], Decimal(0)), price, category, rate))
    return lines, [list(column) for column in zip(*cuts, strict=True)], draw(st.sampled_from([0, 2, 8]))


@settings(max_examples=300, deadline=None)
@given(invoices())
def test_all_parts_together_are_the_invoice(invoice: tuple[list[LineInput], list[list[Decimal]], int]) -> None:
    lines, notes, digits = invoice
    billed = summarise(lines, currency_exponent=digits)
    before = [Decimal(0)] * len(lines)
    nets = [Decimal(0)] * len(lines)
    tax = {(group.category, group.rate): Decimal(0) for group in billed.breakdown}
    gross, cent = Decimal(0), Decimal(1).scaleb(-digits)
    for now in notes:
        taken = [Taken(line, past, part) for line, past, part in zip(lines, before, now, strict=True)]
        line_nets, totals = credited(taken, digits)
        assert totals.gross == totals.net + totals.tax
        assert totals.net == sum(line_nets)
        for group in totals.breakdown:
            tax[group.category, group.rate] += group.tax
            assert abs(group.tax - tax_of(group.basis, group.rate, digits)) <= cent
        for line, part, net in zip(lines, now, line_nets, strict=True):
            assert abs(net - line_net(part, line.unit_price, digits)) <= cent
        nets = [past + net for past, net in zip(nets, line_nets, strict=True)]
        before = [past + part for past, part in zip(before, now, strict=True)]
        gross += totals.gross
    assert nets == [line_net(line.quantity, line.unit_price, digits) for line in lines]
    assert tax == {(group.category, group.rate): group.tax for group in billed.breakdown}
    assert gross == billed.gross


def test_thirds_of_a_cent_come_back() -> None:
    """By themselves these three credits would be 0.03 net and 0.03 tax of an invoice over 0.09 and 0.02."""
    line = LineInput(Decimal(3), Decimal("0.03"), "S", Decimal(19))
    found = [credited([Taken(line, Decimal(number), Decimal(1))])[1] for number in range(3)]
    assert [(note.net, note.tax) for note in found] == [
        (Decimal("0.03"), Decimal("0.01")),
        (Decimal("0.03"), Decimal("0.00")),
        (Decimal("0.03"), Decimal("0.01")),
    ]
    assert summarise([line]).tax == Decimal("0.02")


def test_one_note_over_all_of_it_is_the_mirror() -> None:
    lines = [
        LineInput(Decimal("1.5"), Decimal("33.335"), "S", Decimal(19)),
        LineInput(Decimal(-1), Decimal(5), "Z", Decimal(0)),
    ]
    _nets, note = credited([Taken(line, Decimal(0), line.quantity) for line in lines])
    assert note == summarise(lines)
