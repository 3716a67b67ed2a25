"""Every document the product can write keeps every rule: the schema, our own, the official ones."""

import os
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from lxml import etree

from crm.engine.amounts import line_net
from crm.engine.en16931 import model, official
from crm.engine.en16931.check import broken_rules
from crm.engine.en16931.schema import SchemaBroken, refuse_misshapen
from crm.engine.en16931.writer import write_cii
from crm.engine.en16931.xml import parse
from crm.engine.en16931_reader import load, read, recount, stated
from tests.crm.engine.einvoices import UNITS, documents, finished
from tests.support.official_rules import FOLDER, SAMPLES, failed_rules, needs_official_rules

NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
EXAMPLES = 1500 if NIGHTLY else 150
SIZES = (1, 10, 100, 1000, 5000) if NIGHTLY else (1, 100, 5000)
MIXES = (("S", "Z", "E", "AE", "K", "G"), ("O",))


@pytest.mark.sample
@needs_official_rules
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_whatever_is_written_keeps_the_official_rules(document: model.Document) -> None:
    content = write_cii(document)
    assert failed_rules(content) == []


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(documents())
def test_whatever_is_written_keeps_schema_and_own_rules_and_reads_back(document: model.Document) -> None:
    content = write_cii(document)
    refuse_misshapen(parse(content))
    again = load(content)
    assert recount(again) == stated(again)
    assert again.sums == document.sums
    assert [(line.quantity, line.price, line.net) for line in again.lines] == [
        (line.quantity, line.price, line.net) for line in document.lines
    ]
    assert load(write_cii(again)) == again


def long_document(count: int, categories: tuple[str, ...], *, german: bool) -> model.Document:
    """``count`` lines of all the categories in turn, some below zero, some zero."""
    rows = []
    for number in range(count):
        category = categories[number % len(categories)]
        quantity = Decimal(number % 7 * 3 - 4) + Decimal("0.125")
        price = Decimal(number * 37 % 1000) / 8
        rate = Decimal((19, 7)[number % 2]) if category == "S" else Decimal(0)
        rows.append(
            model.Line(
                name=f"Energy of miner {number}", quantity=quantity, unit=UNITS[number % 6], price=price,
                net=line_net(quantity, price), tax=model.Tax(category=category, rate=None if category == "O" else rate),
            )
        )  # fmt: skip
    return finished(
        rows, currency="EUR", digits=2, credit=False, german=german, prepaid=Decimal(0), texts=("a", "b", "c", "d"),
        issued_on=date(2026, 11, 2),
    )  # fmt: skip


@pytest.mark.sample
@needs_official_rules
@pytest.mark.parametrize(
    ("count", "categories"),
    [(count, mix) for count in SIZES for mix in MIXES if NIGHTLY or count < 5000 or mix is MIXES[0]],
)
def test_long_documents_keep_the_official_rules(count: int, categories: tuple[str, ...]) -> None:
    content = write_cii(long_document(count, categories, german=bool(count % 2)))
    assert failed_rules(content) == []
    assert broken_rules(read(content)) == []
    refuse_misshapen(parse(content))


@pytest.mark.sample
@needs_official_rules
def test_allowances_charges_rounding_and_prepayment_can_be_written() -> None:
    """Not made of our rows today, but the writer knows them."""
    plain = long_document(3, ("S",), german=True)
    basis = sum((line.net for line in plain.lines if line.net), Decimal(0))
    tax = model.Tax(category="S", rate=Decimal(19))
    lines = tuple(replace(line, tax=tax, adjustments=()) for line in plain.lines)
    changed = replace(
        plain,
        lines=lines,
        adjustments=(
            model.AllowanceCharge(charge=False, amount=Decimal("5.00"), base=Decimal("50.00"), percent=Decimal(10),
                                  reason="Loyalty", reason_code="95", tax=tax),
            model.AllowanceCharge(charge=True, amount=Decimal("2.50"), reason="Freight", reason_code="FC", tax=tax),
        ),
        groups=(model.TaxGroup(basis=basis - Decimal("2.50"), amount=Decimal("-0.48"), tax=tax),),
        tax_totals=(model.TaxTotal(amount=Decimal("-0.48"), currency="EUR"),),
        sums=model.Sums(lines=basis, allowances=Decimal("5.00"), charges=Decimal("2.50"), net=basis - Decimal("2.50"),
                        gross=basis - Decimal("2.98"), prepaid=Decimal("1.00"), rounding=Decimal("0.02"),
                        due=basis - Decimal("3.96")),
    )  # fmt: skip
    if changed.groups[0].basis is not None:
        exact = (changed.groups[0].basis * 19 / 100).quantize(Decimal("0.01"), "ROUND_HALF_UP")
        gross = changed.groups[0].basis + exact
        changed = replace(
            changed,
            groups=(replace(changed.groups[0], amount=exact),),
            tax_totals=(model.TaxTotal(amount=exact, currency="EUR"),),
            sums=replace(changed.sums or model.Sums(), gross=gross, due=gross - Decimal("0.98")),
        )
    content = write_cii(changed)
    assert failed_rules(content) == []
    assert broken_rules(read(content)) == []
    refuse_misshapen(parse(content))


@pytest.mark.sample
@needs_official_rules
def test_the_published_schema_of_d16b_accepts_it_too() -> None:
    folder = FOLDER / "cii_xsd" / "CII" / "uncefact" / "data" / "standard"
    schema = etree.XMLSchema(etree.parse(str(folder / "CrossIndustryInvoice_100pD16B.xsd")))
    for categories in MIXES:
        for german in (True, False):
            schema.assertValid(parse(write_cii(long_document(12, categories, german=german))))


def test_the_rules_of_the_factur_x_profile_agree() -> None:
    for categories in MIXES:
        content = write_cii(long_document(12, categories, german=False))
        assert official.failures(content, official.bundled()) == []


def test_a_wrong_total_is_seen_by_each_judge() -> None:
    """The control: each of the judges above can say no."""
    good = long_document(3, ("S",), german=False)
    wrong = replace(good, sums=replace(good.sums or model.Sums(), due=Decimal("1.23")))
    content = write_cii(wrong)
    assert [one.rule for one in broken_rules(read(content))] == ["BR-CO-16"]
    assert official.failures(content, official.bundled())[0].startswith("BR-CO-16: ")
    if SAMPLES.is_dir():
        assert failed_rules(content) == ["BR-CO-16"]
    misshapen = content.replace(b"<ram:TypeCode>380</ram:TypeCode>", b"")
    with pytest.raises(SchemaBroken, match="line"):
        refuse_misshapen(parse(misshapen))


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("BR-DE-1", {"payments": ()}),
        ("BR-DE-15", {"buyer_reference": None}),
        ("BR-DE-17", {"type_code": "386"}),
        ("BR-DE-21", {"specification": "urn:cen.eu:en16931:2017#compliant#urn:xoev-de:kosit:standard:xrechnung_2.0"}),
        ("BR-DE-26", {"type_code": "384"}),
        ("BR-DE-18", {"terms": "#SKONTO#TAGE=14#PROZENT=2#"}),
        ("BR-DE-23-a", {"payments": (model.Payment(code="58"),)}),
        ("BR-DE-19", {"payments": (model.Payment(code="58", account="DE88370400440532013000", has_account=True),)}),
        ("BR-DE-24-a", {"payments": (model.Payment(code="48"),)}),
        ("BR-DE-25-a", {"payments": (model.Payment(code="59"),)}),
        ("PEPPOL-EN16931-R001", {"process": None}),
    ],
)
def test_what_xrechnung_asks_besides_is_missed(rule: str, changes: dict[str, object]) -> None:
    document = replace(long_document(2, ("S",), german=True), **changes)
    assert rule in [one.rule for one in broken_rules(read(write_cii(document)))]


@pytest.mark.parametrize(
    ("rule", "party", "changes"),
    [
        ("BR-DE-2", "seller", {"contact": None}),
        ("BR-DE-5", "seller", {"contact": model.Contact(phone="+49 431", email="a@b.de")}),
        ("BR-DE-6", "seller", {"contact": model.Contact(name="A", email="a@b.de")}),
        ("BR-DE-7", "seller", {"contact": model.Contact(name="A", phone="+49 431")}),
        ("BR-DE-27", "seller", {"contact": model.Contact(name="A", phone="12", email="a@b.de")}),
        ("BR-DE-28", "seller", {"contact": model.Contact(name="A", phone="+49 431", email="a@b@de")}),
        ("BR-DE-3", "seller", {"address": model.Address(postal_code="1", country="DE")}),
        ("BR-DE-4", "seller", {"address": model.Address(city="A", country="DE")}),
        ("BR-DE-8", "buyer", {"address": model.Address(postal_code="1", country="DE")}),
        ("BR-DE-9", "buyer", {"address": model.Address(city="A", country="DE")}),
        ("PEPPOL-EN16931-R010", "buyer", {"endpoint": None}),
        ("PEPPOL-EN16931-R020", "seller", {"endpoint": None}),
    ],
)
def test_what_xrechnung_wants_to_know_of_the_parties(rule: str, party: str, changes: dict[str, object]) -> None:
    good = long_document(2, ("S",), german=True)
    document = replace(good, **{party: replace(getattr(good, party), **changes)})
    assert rule in [one.rule for one in broken_rules(read(write_cii(document)))]
    assert broken_rules(read(write_cii(good))) == []
