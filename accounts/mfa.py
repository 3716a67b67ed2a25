"""Second factors: their secrets are sealed before allauth stores them."""

import base64
from typing import Any

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

# The library's hooks are not told the row, so its secrets are bound to the column alone.
PLACE = Place("mfa_authenticator", "data")
_OLD_FORM = "1:"
_OLD_PURPOSE = b"hashinsight second factor"


class MfaAdapter(DefaultMFAAdapter):
    """A copy of the database opens no second factor; see ``hashinsight.common.secrets``."""

    def encrypt(self, text: str) -> str:
        """Sealed, as text."""
        return seal(text, PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        """The way back; raises SecretUnreadable when text and keys do not belong together."""
        if encrypted_text.startswith(_OLD_FORM):
            return _open_old(encrypted_text.removeprefix(_OLD_FORM))
        return open_sealed(encrypted_text, PLACE)


def renew_secrets(factor: Authenticator) -> dict[str, Any]:
    """For ``rotate_secrets``: the data with every sealed text under the current key, or nothing to do."""
    data = _renewed(factor.data)
    return {"data": data} if data != factor.data else {}


def _renewed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _renewed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renewed(inner) for inner in value]
    if not isinstance(value, str):
        return value
    if value.startswith(_OLD_FORM):
        return seal(_open_old(value.removeprefix(_OLD_FORM)), PLACE)
    return rewrap(value, PLACE) if key_id_of(value) not in ("", current_key_id()) else value


def _open_old(body: str) -> str:
    """The first form: one key for all, without a key id."""
    try:
        sealed = base64.urlsafe_b64decode(body)
        return AESGCM(derived_key(_OLD_PURPOSE)).decrypt(sealed[:12], sealed[12:], _OLD_PURPOSE).decode()
    except (InvalidTag, ValueError) as error:
        raise SecretUnreadable("a stored secret was changed or its key is not there") from error
