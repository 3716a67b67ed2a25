"""Products and accounts of the files become products and customers."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from crm.domain.bulk import add_customers
from crm.domain.pipeline_import.known import compare
from crm.domain.pipeline_import.report import ImportReport
from crm.domain.pipeline_import.wish import ImportWish, OfferText, reference
from crm.engine.findings import Finding, FindingKind
from crm.engine.pipeline_files import Account, Pipeline, ProductRow
from crm.models import Customer, Product


def store_products(pipeline: Pipeline, wish: ImportWish, report: ImportReport) -> dict[str, Product]:
    """The products by their names in the files."""
    refs = {reference("product", one.name): one for one in pipeline.products}
    known = {product.source_ref: product for product in Product.objects.filter(source_ref__in=refs)}
    taken = set(Product.objects.values_list("code", flat=True))
    kept: list[Finding] = []
    new: list[Product] = []
    for ref, row in refs.items():
        if ref in known:
            kept += _product_differences(row, known[ref], wish, report.files["products"].file)
        else:
            new.append(_product(row, ref, wish, taken))
    known |= {product.source_ref: product for product in Product.objects.bulk_create(new)}
    report.outcome("products", created=len(new), unchanged=len(refs) - len(new) - len(kept), kept=kept)
    report.made["products"] = len(new)
    return {row.name: known[ref] for ref, row in refs.items()}


def _offer(row: ProductRow, wish: ImportWish) -> OfferText:
    return wish.offers.get(row.name) or OfferText(_code(row.name), row.name)


def _code(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")[:30] or "PRODUCT"


def _product(row: ProductRow, ref: str, wish: ImportWish, taken: set[str]) -> Product:
    offer = _offer(row, wish)
    code, number = offer.code, 2
    while code in taken:
        code, number = f"{offer.code}-{number}", number + 1
    taken.add(code)
    return Product(
        code=code,
        name=offer.name,
        description=f"Series {row.series}" if row.series and offer.name == row.name else "",
        unit_code=offer.unit,
        unit_price=row.price,
        currency=wish.currency,
        source_ref=ref,
        created_at=wish.at,
    )


def _product_differences(row: ProductRow, product: Product, wish: ImportWish, file: str) -> list[Finding]:
    offer = _offer(row, wish)
    return compare(
        file=file,
        line=row.line,
        column="product",
        key=row.name,
        ours={"name": product.name, "price": product.unit_price.normalize(), "currency": product.currency},
        theirs={"name": offer.name, "price": row.price.normalize(), "currency": wish.currency},
    )


def store_accounts(pipeline: Pipeline, wish: ImportWish, report: ImportReport, by: Any) -> dict[str, Customer]:
    """The customers by their names in the files, subsidiaries tied to their parents."""
    refs = {reference("account", one.name): one for one in pipeline.accounts}
    known = {one.source_ref: one for one in Customer.objects.filter(source_ref__in=refs).select_related("parent")}
    kept: list[Finding] = []
    new: list[Customer] = []
    for ref, row in refs.items():
        if ref in known:
            kept += _account_differences(row, known[ref], wish, report.files["accounts"].file)
        else:
            new.append(_customer(row, ref, wish))
    report.findings += _namesakes([refs[str(one.source_ref)] for one in new], report.files["accounts"].file)
    add_customers(new, by=by)
    named = {row.name: known[ref] for ref, row in refs.items() if ref in known}
    named |= {refs[str(one.source_ref)].name: one for one in new}
    _tie_to_parents(new, lambda one: named.get(refs[str(one.source_ref)].parent))
    report.outcome("accounts", created=len(new), unchanged=len(refs) - len(new) - len(kept), kept=kept)
    report.made["customers"] = len(new)
    return named


def _namesakes(rows: list[Account], file: str) -> list[Finding]:
    """Customers of the same name that did not come from such files: perhaps the same company, perhaps not."""
    names = Customer.objects.filter(company_name__in=[row.name for row in rows]).values_list("company_name", flat=True)
    met = set(names)
    note = "a customer of this name is here already, but not from these files; now there are two"
    return [Finding(FindingKind.REPORTED, file, row.line, "account", note, row.name) for row in rows if row.name in met]


def _customer(row: Account, ref: str, wish: ImportWish) -> Customer:
    customer = Customer(
        company_name=row.name,
        sector=row.sector,
        country=row.country.code if row.country else "",
        time_zone=row.country.time_zone if row.country else "UTC",
        currency=wish.currency,
        internal_note=_facts(row),
        source_ref=ref,
        is_sample=wish.is_sample,
        created_at=wish.at,
    )
    wish.complete(customer, row)
    return customer


def _facts(row: Account) -> str:
    """What the file knows and we have no column for."""
    facts = []
    if row.founded is not None:
        facts.append(f"founded {row.founded}")
    if row.employees is not None:
        facts.append(f"{row.employees:,} employees")
    if row.revenue is not None:
        facts.append(f"revenue {_plain(row.revenue)} million")
    return f"From the imported accounts: {', '.join(facts)}." if facts else ""


def _plain(number: Decimal) -> str:
    return f"{number:,f}"


def _tie_to_parents(children: list[Customer], parent_of: Callable[[Customer], Customer | None]) -> None:
    tied = []
    for child in children:
        child.parent = parent_of(child)
        if child.parent is not None:
            tied.append(child)
    Customer.objects.bulk_update(tied, ["parent"], batch_size=500)


def _account_differences(row: Account, customer: Customer, wish: ImportWish, file: str) -> list[Finding]:
    parent = customer.parent.source_ref if customer.parent else None
    return compare(
        file=file,
        line=row.line,
        column="account",
        key=row.name,
        ours={
            "name": customer.company_name,
            "sector": customer.sector,
            "country": customer.country,
            "parent": parent,
        },
        theirs={
            "name": row.name,
            "sector": row.sector,
            "country": row.country.code if row.country else "",
            "parent": reference("account", row.parent) if row.parent else None,
        },
    )
