"""Documents that nobody published and our writer does not write: read, judged and totalled as the official rules do."""

import os
import random
from collections.abc import Callable
from decimal import Decimal

import pytest

from crm.engine.en16931.texts import known_rules
from crm.engine.en16931_reader import UnreadableInvoice, broken_rules, load, net_of_line, read, recount, stated
from tests.support.mutants import mutants
from tests.support.official_rules import failed_rules, needs_official_rules
from tests.support.written_cii import cii
from tests.support.written_invoices import Paper, drawn
from tests.support.written_ubl import ubl

pytestmark = [pytest.mark.sample, needs_official_rules]
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
PAPERS, CHANGED = (1500, 8000) if NIGHTLY else (60, 150)
Writer = Callable[[Paper], bytes]
WRITERS: dict[str, Writer] = {"cii": cii, "ubl": ubl}


@pytest.fixture
def chance() -> random.Random:
    """Anew in each run; the seed is printed."""
    seed = int(os.environ.get("HASHINSIGHT_SEED", random.randrange(10**6)))
    print(f"HASHINSIGHT_SEED={seed}")
    return random.Random(seed)


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_documents_of_our_making_are_sound_and_total_as_they_state(syntax: str, chance: random.Random) -> None:
    seen: set[str] = set()
    for _turn in range(PAPERS):
        paper = drawn(chance)
        content = WRITERS[syntax](paper)
        assert failed_rules(content, syntax) == [], content.decode()
        document = load(content)
        assert recount(document) == stated(document), content.decode()
        assert [net_of_line(line) for line in document.lines] == [row.net for row in paper.rows], content.decode()
        assert [(one.number, one.on.isoformat() if one.on else "") for one in document.corrects] == list(
            paper.references
        )
        sums = document.sums
        assert sums is not None
        assert (sums.rounding, sums.prepaid) == (paper.rounding, paper.prepaid)
        if paper.tax_currency:
            (total,) = document.tax_in(paper.tax_currency)
            assert total.amount == (paper.totals["tax"] * paper.tax_factor).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        seen |= facets(paper)
    assert seen >= {"allowance", "charge", "rounding", "prepaid", "per", "below zero", "tax currency", "credit note"}


def facets(paper: Paper) -> set[str]:
    """What a document has of what ours never have."""
    every = [*paper.extras, *(one for row in paper.rows for one in row.extras)]
    found = {
        "allowance": any(not one.charge for one in every),
        "charge": any(one.charge for one in every),
        "rounding": bool(paper.rounding),
        "prepaid": bool(paper.prepaid),
        "per": any(row.per is not None and row.per != 1 for row in paper.rows),
        "below zero": any(row.net < 0 for row in paper.rows),
        "tax currency": bool(paper.tax_currency),
        "credit note": paper.credit,
    }
    return {name for name, is_there in found.items() if is_there}


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_our_verdict_on_changed_ones_is_the_official_one(syntax: str, chance: random.Random) -> None:
    known = known_rules()
    pool = [one for _turn in range(40 if NIGHTLY else 6) for one in mutants(WRITERS[syntax](drawn(chance)))]
    differences, fired = [], set()
    for what, content in chance.sample(pool, min(CHANGED, len(pool))):
        try:
            ours = {one.rule for one in broken_rules(read(content))} & known
        except UnreadableInvoice:
            continue
        official = set(failed_rules(content, syntax)) & known
        fired |= official
        if ours != official:
            differences.append((what, sorted(ours - official), sorted(official - ours), content.decode()))
    assert [one[:3] for one in differences] == []
    assert len(fired) > 15


@pytest.mark.parametrize("code", ["O", "L", "M", "E"])
def test_a_group_of_another_tax_than_vat_is_judged_by_the_general_rules(code: str, chance: random.Random) -> None:
    """Found by the test above: CII has templates of their own for some categories, but for VAT alone."""
    paper = drawn(chance)
    head, settlement = cii(paper).split(b"<ram:ApplicableHeaderTradeSettlement>")
    category = next(iter(sorted(paper.groups)))[0].encode()
    settlement = settlement.replace(b"<ram:TypeCode>VAT<", b"<ram:TypeCode>GST<", 1).replace(
        b"<ram:CategoryCode>" + category + b"<", b"<ram:CategoryCode>" + code.encode() + b"<", 1
    )
    content = head + b"<ram:ApplicableHeaderTradeSettlement>" + settlement
    ours = {one.rule for one in broken_rules(read(content))}
    assert ours & known_rules() == set(failed_rules(content)) & known_rules()
    assert {"BR-47", "BR-48"} <= ours | ({"BR-48"} if code == "O" else set())


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_a_tax_off_by_more_than_the_tolerance_is_refused(syntax: str, chance: random.Random) -> None:
    """The control: the same documents with one tax two units too high."""
    found = 0
    while found < 5:
        paper = drawn(chance)
        taxed = [(key, basis) for key, basis in paper.groups.items() if key[0] == "S" and basis > 0]
        if not taxed:
            continue
        found += 1
        (_category, rate), basis = taxed[0]
        tax = (basis * rate / 100).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        content = WRITERS[syntax](paper).replace(f">{tax:f}<".encode(), f">{tax + 2:f}<".encode())
        ours = {one.rule for one in broken_rules(read(content))}
        assert ours & known_rules() == set(failed_rules(content, syntax)) & known_rules()
        assert "BR-CO-17" in ours
