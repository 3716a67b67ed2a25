"""The arithmetic of an invoice, held against fractions and against sums done by hand."""

from decimal import Decimal, getcontext
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.engine.amounts import (
    LineInput,
    TaxGroup,
    Totals,
    check_tax,
    line_net,
    round_half_up,
    summarise,
    tax_of,
)

D = Decimal
EXPONENTS = st.sampled_from([0, 2, 8])
QUANTITIES = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=6)
PRICES = st.decimals(-(10**6), 10**6, allow_nan=False, allow_infinity=False, places=8)
TAXES = st.sampled_from(
    [("S", D("19")), ("S", D("7.0")), ("S", D("8.875")), ("AE", D(0)), ("E", D("0.00")), ("Z", D(0))]
)


def by_fraction(value: Fraction, exponent: int) -> Fraction:
    """Half up on the magnitude, computed without Decimal."""
    scaled = abs(value) * 10**exponent
    rounded = Fraction(floor(scaled + Fraction(1, 2)), 10**exponent)
    return -rounded if value < 0 else rounded


@st.composite
def line_inputs(draw: st.DrawFn) -> LineInput:
    category, rate = draw(TAXES)
    return LineInput(draw(QUANTITIES), draw(PRICES), category, rate)


@given(QUANTITIES, PRICES, EXPONENTS)
def test_line_net_equals_the_fraction_rounded_half_up(quantity: Decimal, price: Decimal, exponent: int) -> None:
    expected = by_fraction(Fraction(quantity) * Fraction(price), exponent)

    assert Fraction(line_net(quantity, price, exponent)) == expected


@given(st.lists(line_inputs(), max_size=12), EXPONENTS)
def test_summary_equals_the_independent_calculation(lines: list[LineInput], exponent: int) -> None:
    bases: dict[tuple[str, Fraction], Fraction] = {}
    for line in lines:
        net = by_fraction(Fraction(line.quantity) * Fraction(line.unit_price), exponent)
        key = (line.tax_category, Fraction(line.tax_rate))
        bases[key] = bases.get(key, Fraction(0)) + net
    taxes = {key: by_fraction(basis * key[1] / 100, exponent) for key, basis in bases.items()}

    totals = summarise(lines, currency_exponent=exponent)

    assert {(g.category, Fraction(g.rate)): Fraction(g.basis) for g in totals.breakdown} == bases
    assert {(g.category, Fraction(g.rate)): Fraction(g.tax) for g in totals.breakdown} == taxes
    assert Fraction(totals.net) == sum(bases.values())
    assert Fraction(totals.tax) == sum(taxes.values())
    assert Fraction(totals.gross) == sum(bases.values()) + sum(taxes.values())
    assert totals.due == totals.gross


@given(st.lists(line_inputs(), max_size=8), st.randoms())
def test_summary_does_not_depend_on_the_order_of_lines(lines: list[LineInput], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert summarise(shuffled) == summarise(lines)


@given(st.lists(line_inputs(), max_size=8))
def test_a_credit_of_every_line_mirrors_the_invoice(lines: list[LineInput]) -> None:
    credited = [LineInput(-x.quantity, x.unit_price, x.tax_category, x.tax_rate) for x in lines]

    invoice, credit = summarise(lines), summarise(credited)

    assert (credit.net, credit.tax, credit.gross) == (-invoice.net, -invoice.tax, -invoice.gross)


@pytest.mark.parametrize(
    ("value", "exponent", "expected"),
    [
        ("0.005", 2, "0.01"),
        ("-0.005", 2, "-0.01"),
        ("2.675", 2, "2.68"),
        ("1.0049999", 2, "1.00"),
        ("-0.004", 2, "0.00"),
        ("0.5", 0, "1"),
        ("2.5", 0, "3"),
        ("0.000000005", 8, "0.00000001"),
        ("1e3", 2, "1000.00"),
    ],
)
def test_rounding_is_half_up_and_away_from_zero(value: str, exponent: int, expected: str) -> None:
    assert f"{round_half_up(D(value), exponent):f}" == expected


def test_tax_is_rounded_per_group_and_not_per_line() -> None:
    lines = [LineInput(D(1), D("0.03"), "S", D(19)) for _ in range(3)]

    totals = summarise(lines)

    assert totals == Totals(
        net=D("0.09"), tax=D("0.02"), gross=D("0.11"), due=D("0.11"),
        breakdown=(TaxGroup("S", D(19), D("0.09"), D("0.02")),),
    )  # fmt: skip


def test_prepaid_lowers_what_is_due_and_nothing_else() -> None:
    totals = summarise([LineInput(D(2), D("50"), "S", D(19))], prepaid=D("19.00"))

    assert (totals.gross, totals.due) == (D("119.00"), D("100.00"))


def test_groups_are_ordered_by_category_then_falling_rate_and_keep_their_reasons() -> None:
    lines = [
        LineInput(D(1), D(10), "S", D("7.00")),
        LineInput(D(1), D(10), "E", D(0), "Exempt under A."),
        LineInput(D(1), D(10), "S", D(19)),
        LineInput(D(1), D(10), "E", D(0), "Exempt under B."),
        LineInput(D(1), D(10), "E", D(0), "Exempt under A."),
        LineInput(D(1), D(10), "S", D("7")),
    ]

    groups = summarise(lines).breakdown

    assert [(g.category, str(g.rate), str(g.basis)) for g in groups] == [
        ("E", "0", "30.00"),
        ("S", "19", "10.00"),
        ("S", "7", "20.00"),
    ]
    assert groups[0].exemption_reason == "Exempt under A. Exempt under B."


def test_no_lines_give_zero_in_the_decimals_of_the_currency() -> None:
    assert f"{summarise([], currency_exponent=8).gross:f}" == "0.00000000"
    assert str(summarise([]).gross) == "0.00"


def test_the_context_of_the_thread_has_no_say() -> None:
    lines = [LineInput(D("123456789.123456"), D("98765.4321"), "S", D(19)) for _ in range(3)]
    expected = summarise(lines, prepaid=D("1234567.89"))
    before = getcontext().prec
    getcontext().prec = 3
    try:
        assert summarise(lines, prepaid=D("1234567.89")) == expected
    finally:
        getcontext().prec = before


@pytest.mark.parametrize("bad", [1.5, 1, "1", True, None])
def test_only_decimals_are_taken(bad: object) -> None:
    with pytest.raises(TypeError):
        line_net(bad, D(1))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        LineInput(D(1), bad, "S", D(19))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        summarise([], prepaid=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_values_that_are_no_numbers_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        line_net(D(1), D(bad))
    with pytest.raises(ValueError, match="finite"):
        tax_of(D(bad), D(19))
    with pytest.raises(ValueError, match="finite"):
        summarise([], prepaid=D(bad))


@pytest.mark.parametrize(
    ("category", "rate"), [("X", "0"), ("", "0"), ("S", "0"), ("AE", "19"), ("Z", "1"), ("S", "-1")]
)
def test_a_rate_that_contradicts_its_category_is_refused(category: str, rate: str) -> None:
    with pytest.raises(ValueError, match=r"tax"):
        check_tax(category, D(rate))
    with pytest.raises(ValueError, match=r"tax"):
        LineInput(D(1), D(1), category, D(rate))


def test_amounts_beyond_reason_are_refused_instead_of_rounded() -> None:
    with pytest.raises(ValueError, match="too many digits"):
        line_net(D("1e90"), D("1e90"))
    with pytest.raises(ValueError, match="too many digits"):
        line_net(D("1." + "1" * 60), D("1." + "1" * 60))


@pytest.mark.parametrize("exponent", [-1, 9])
def test_an_unknown_number_of_decimals_is_refused(exponent: int) -> None:
    with pytest.raises(ValueError, match="currency_exponent"):
        round_half_up(D(1), exponent)


def test_prepaid_finer_than_the_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="prepaid"):
        summarise([], prepaid=D("0.001"))
