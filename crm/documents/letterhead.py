"""What letters and statements share: our particulars, the reader's address, the logo."""

from base64 import b64encode
from typing import Any

from django.utils.translation import gettext

from crm.documents import formats
from crm.documents.fonts import printable
from crm.engine.country_names import country_name
from crm.models import LegalEntity


def head_of(seller: LegalEntity, language: str) -> dict[str, Any]:
    """Who writes; in the language in force."""
    logo = seller.logo
    return {
        "language": language,
        "seller": seller,
        "logo": f"data:{logo.media_type};base64,{b64encode(bytes(logo.content)).decode()}" if logo else "",
        "sender_line": printable(" · ".join([seller.name, *seller.address_lines])),
        "footer": [address(seller, seller.name, language), [t for t in (seller.email, seller.phone) if t]],
    }


def address(party: Any, name: str, language: str) -> list[str]:
    """A postal address, line by line."""
    country = country_name(party.country, language) if party.country else ""
    return [printable(text) for text in (name, *party.address_lines, country) if text]


def bank_of(seller: LegalEntity) -> list[tuple[str, str]]:
    """Where money goes."""
    facts = (
        (gettext("Account holder"), seller.bank_account_holder or seller.name),
        (gettext("IBAN"), formats.iban(seller.iban)),
        (gettext("BIC"), seller.bic),
        (gettext("Bank"), seller.bank_name),
    )
    return [(label, value) for label, value in facts if value]
