"""Second factors: their secrets are encrypted before allauth stores them."""

import base64
import os

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_VERSION = "1"
_PURPOSE = b"hashinsight second factor"


class MfaAdapter(DefaultMFAAdapter):
    """AES-256-GCM under a key derived from ``API_KEY_PEPPER``: a copy of the database opens no second factor."""

    def encrypt(self, text: str) -> str:
        """Version, nonce and ciphertext, as text."""
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(_key()).encrypt(nonce, text.encode(), _PURPOSE)
        return f"{_VERSION}:{base64.urlsafe_b64encode(sealed).decode()}"

    def decrypt(self, encrypted_text: str) -> str:
        """The way back; raises ``InvalidTag`` when text or key are not the ones that belong together."""
        _version, _colon, body = encrypted_text.partition(":")
        sealed = base64.urlsafe_b64decode(body)
        return AESGCM(_key()).decrypt(sealed[:12], sealed[12:], _PURPOSE).decode()


def _key() -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(settings.API_KEY_PEPPER.encode())
