"""The frame of the demo company: who it is, which taxes it knows, what it sells."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.conf import settings

from crm.documents.logos import SVG_MIME, check_logo
from crm.models import LegalEntity, Logo, Product, TaxCode, TaxRate
from hashinsight.demo.checksums import iban
from hashinsight.demo.offers import ENTITIES, OFFERS, TAX_CODES

LOGO = Path(settings.BASE_DIR) / "crm" / "documents" / "assets" / "demo-logo.svg"


@dataclass(frozen=True)
class Frame:
    """Rows the story refers to, by the words of the plan."""

    entities: dict[str, LegalEntity]
    taxes: dict[str, TaxCode]
    products: dict[str, Product]


def build_frame(*, with_offers: bool) -> Frame:
    """Store legal entities, tax codes and (unless they come from files) the price list."""
    taxes = {code: _tax_code(code) for code in TAX_CODES}
    logo = _logo()
    entities = {key: _entity(key, logo) for key in ENTITIES}
    products = {code: _product(code) for code in OFFERS} if with_offers else {}
    return Frame(entities, taxes, products)


def _logo() -> Logo:
    content = LOGO.read_bytes()
    check_logo(content, SVG_MIME)
    digest = hashlib.sha256(content).hexdigest()
    logo, _created = Logo.objects.get_or_create(sha256=digest, defaults={"media_type": SVG_MIME, "content": content})
    return logo


def _entity(key: str, logo: Logo) -> LegalEntity:
    fields = dict(ENTITIES[key])
    if key == "de":
        fields["iban"] = iban("DE", "500999000001234567")
    entity = LegalEntity(logo=logo, **fields)
    entity.full_clean()
    entity.save()
    return entity


def _tax_code(code: str) -> TaxCode:
    name, category, reason, rates = TAX_CODES[code]
    row = TaxCode(code=code, name=name, category=category, exemption_reason=reason)
    row.full_clean()
    row.save()
    for percent, start, end in rates:
        rate = TaxRate(
            tax_code=row,
            rate=percent,
            valid_from=date.fromisoformat(start),
            valid_to=date.fromisoformat(end) if end else None,
        )
        rate.full_clean()
        rate.save()
    return row


def _product(code: str) -> Product:
    offer = OFFERS[code]
    product = Product(
        code=code, name=offer.name, description=offer.description, unit_code=offer.unit, unit_price=offer.price
    )
    product.full_clean()
    product.save()
    return product
