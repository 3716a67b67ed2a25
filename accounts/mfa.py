"""Second factors: their secrets are sealed before allauth stores them."""

import base64
from collections.abc import Callable
from typing import Any, Self

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hashinsight.common.secrets import (
    Place,
    SecretUnreadable,
    current_key_id,
    derived_key,
    key_id_of,
    open_sealed,
    rewrap,
    seal,
)

# A secret that is not stored yet stands nowhere; no row of the table opens it.
NOWHERE = Place("", "")
_OLD_FORM = "1:"
_OLD_PURPOSE = b"hashinsight second factor"


class PlacedText(str):
    """A sealed text as a row holds it, with its place: the library tells its hooks nothing but the text."""

    place: Place

    def __new__(cls, text: str, place: Place = NOWHERE) -> Self:
        """The text, and where it stands; a copy is told the place afterwards, with its other attributes."""
        made = super().__new__(cls, text)
        made.place = place
        return made


def place_of(factor: Authenticator) -> Place:
    """A person has one factor of each kind that holds a secret, and both are known before the row has a key."""
    return Place("mfa_authenticator", "data", f"{factor.user_id}:{factor.type}")


class MfaAdapter(DefaultMFAAdapter):
    """A copy of the database opens no second factor; see ``hashinsight.common.secrets``."""

    def encrypt(self, text: str) -> str:
        """Sealed, as text; bound to its row when the row is saved."""
        return seal(text, NOWHERE)

    def decrypt(self, encrypted_text: str) -> str:
        """The way back; raises SecretUnreadable when text, row and keys do not belong together."""
        if encrypted_text.startswith(_OLD_FORM):
            return _open_old(encrypted_text.removeprefix(_OLD_FORM))
        return open_sealed(encrypted_text, getattr(encrypted_text, "place", NOWHERE))


def tell_places(factor: Authenticator) -> None:
    """A row that was loaded: each sealed text in it learns where it stands."""
    if factor.pk is not None and "data" in factor.__dict__:
        factor.data = _mapped(factor.data, lambda text: PlacedText(text, place_of(factor)))


def bind_secrets(factor: Authenticator) -> None:
    """A row about to be stored: what was sealed just now is bound to it."""
    place = place_of(factor)

    def bound(text: str) -> str:
        fresh = key_id_of(text) and not isinstance(text, PlacedText)
        return PlacedText(seal(open_sealed(text, NOWHERE), place), place) if fresh else text

    factor.data = _mapped(factor.data, bound)


def renew_secrets(factor: Authenticator) -> dict[str, Any]:
    """For ``rotate_secrets``: the data with every sealed text under the current key, or nothing to do."""
    place = place_of(factor)

    def renewed(text: str) -> str:
        if text.startswith(_OLD_FORM):
            return seal(_open_old(text.removeprefix(_OLD_FORM)), place)
        return rewrap(text, place) if key_id_of(text) not in ("", current_key_id()) else text

    data = _mapped(factor.data, renewed)
    return {"data": data} if data != factor.data else {}


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {name: _mapped(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change) for inner in value]
    return change(value) if isinstance(value, str) else value


def _open_old(body: str) -> str:
    """The first form: one key for all, without a key id."""
    try:
        sealed = base64.urlsafe_b64decode(body)
        return AESGCM(derived_key(_OLD_PURPOSE)).decrypt(sealed[:12], sealed[12:], _OLD_PURPOSE).decode()
    except (InvalidTag, ValueError) as error:
        raise SecretUnreadable("a stored secret was changed or its key is not there") from error
