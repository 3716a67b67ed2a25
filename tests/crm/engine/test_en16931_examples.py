"""Published e-invoices, read by us: total for total what they state; and our rules judged by the official ones."""

import csv
import os
import random
from decimal import Decimal

import pytest

from crm.engine.en16931.texts import known_rules, text_of
from crm.engine.en16931_reader import (
    RulesBroken,
    UnreadableInvoice,
    broken_rules,
    load,
    read,
    read_all,
    recount,
    stated,
)
from tests.support.mutants import mutants
from tests.support.official_rules import FOLDER, examples, failed_rules, needs_official_rules

pytestmark = [pytest.mark.sample, needs_official_rules]
SAMPLE = 500  # of 8,266 mutants in an ordinary run; all of them in a nightly one


def expectations() -> dict[str, int]:
    """Number of failed assertions of each example, as published beside them."""
    with (FOLDER / "examples" / "expected_validation.csv").open(encoding="utf-8", newline="") as rows:
        return {row["file"]: int(row["failed_asserts"]) for row in csv.DictReader(rows)}


def test_each_example_without_fault_totals_as_it_states() -> None:
    expected = expectations()
    totals = {}
    for path in examples():
        if expected[path.name] == 0:
            document = load(path.read_bytes())
            totals[path.name] = (recount(document), stated(document))
    assert len(totals) == 16
    assert {name: ours for name, (ours, _) in totals.items()} == {name: theirs for name, (_, theirs) in totals.items()}


def test_the_faulty_example_is_refused_by_its_rule() -> None:
    with pytest.raises(RulesBroken) as refusal:
        load((FOLDER / "examples" / "cii" / "BR-CO-17.xml").read_bytes())
    assert "BR-CO-17" in refusal.value.rules
    assert "BR-CO-17: The tax of a VAT group is its basis times its rate (BT-117)." in str(refusal.value)


def test_each_case_of_the_faulty_example_is_judged_as_its_author_says() -> None:
    cases = read_all((FOLDER / "examples" / "cii" / "BR-CO-17.xml").read_bytes())
    verdicts = ["BR-CO-17" in {one.rule for one in broken_rules(case)} for case in cases]
    assert verdicts == [False, False, False, True, True]


def test_the_official_rules_can_fail() -> None:
    expected = expectations()
    found = {path.name: len(failed_rules(path.read_bytes(), path.parent.name)) for path in examples()}
    assert found == expected
    assert found["BR-CO-17.xml"] == 11


def test_our_verdict_on_changed_documents_is_the_official_one() -> None:
    known = known_rules()
    pool = [
        (path, what, content)
        for path in examples()
        if expectations()[path.name] == 0
        for what, content in mutants(path.read_bytes())
    ]
    seed = int(os.environ.get("HASHINSIGHT_SEED", random.randrange(10**6)))
    print(f"HASHINSIGHT_SEED={seed}")
    wanted = pool if os.environ.get("HASHINSIGHT_NIGHTLY") else random.Random(seed).sample(pool, SAMPLE)
    differences, fired = [], set()
    for path, what, content in wanted:
        try:
            ours = {one.rule for one in broken_rules(read(content))}
        except UnreadableInvoice:
            continue  # no number, no day: refused before any rule is asked
        official = set(failed_rules(content, path.parent.name)) & known
        fired |= official
        if ours & known != official:
            differences.append((path.name, what, sorted(ours - official), sorted(official - ours)))
    assert differences == []
    assert len(fired) > 40


@pytest.mark.parametrize("syntax", ["cii", "ubl"])
def test_a_document_turned_to_each_vat_category_is_judged_as_the_official_rules_do(syntax: str) -> None:
    """Whole documents of one category, with and without the ids and rates it wants, not only one changed place."""
    path = FOLDER / "examples" / ("cii/CII_example6.xml" if syntax == "cii" else "ubl/ubl-tc434-example6.xml")
    text = path.read_text(encoding="utf-8")
    known, differences = known_rules(), []
    for code in ("S", "Z", "E", "AE", "K", "G", "O", "L", "M", "B"):
        for rate in ("25", "0", "7.5", ""):
            for ids in ("as they are", "none"):
                changed = _turned(text, syntax, code, rate, without_ids=ids == "none")
                ours = {one.rule for one in broken_rules(read(changed))} & known
                official = set(failed_rules(changed, syntax)) & known
                if ours != official:
                    differences.append((code, rate, ids, sorted(ours - official), sorted(official - ours)))
    assert differences == []


def _turned(text: str, syntax: str, code: str, rate: str, *, without_ids: bool) -> bytes:
    from lxml import etree

    root = etree.fromstring(text.encode())
    names = {"cii": ("CategoryCode", "RateApplicablePercent"), "ubl": ("ID", "Percent")}[syntax]
    holders = ("ApplicableTradeTax", "CategoryTradeTax", "TaxCategory", "ClassifiedTaxCategory")
    for holder in [node for node in root.iter(etree.Element) if etree.QName(node).localname in holders]:
        for node in list(holder):
            name = etree.QName(node).localname
            if name == names[0]:
                node.text = code
            elif name == names[1] and rate:
                node.text = rate
            elif name == names[1]:
                holder.remove(node)
    for node in list(root.iter(etree.Element)):
        if without_ids and etree.QName(node).localname in ("SpecifiedTaxRegistration", "PartyTaxScheme"):
            node.getparent().remove(node)
    return etree.tostring(root)


def test_every_rule_has_its_words() -> None:
    assert len(known_rules()) == 245
    assert all(text_of(rule).endswith(".") for rule in known_rules())


def test_arithmetic_off_by_a_cent_is_seen() -> None:
    """The control of the totals above: a total changed by a cent is not what the parts come to."""
    content = (FOLDER / "examples" / "ubl" / "ubl-tc434-example6.xml").read_bytes()
    document = read(content)
    gross = format(stated(document).gross, "f").encode()
    wrong = read(
        content.replace(
            b">" + gross + b"<", b">" + format(Decimal(gross.decode()) + Decimal("0.01"), "f").encode() + b"<"
        )
    )
    assert recount(wrong) != stated(wrong)
