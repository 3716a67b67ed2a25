"""What accounts makes known at start: event kinds, sections of the own page, the scheme of the API keys."""

from allauth.mfa.models import Authenticator

from accounts import retention, sections
from accounts.mfa import renew_secrets
from hashinsight.common.secret_rotation import register_secrets
from hashinsight.events.registry import EventKind, register

_WALLET = {"user_id": "string", "chain": "string", "address": "string"}
EVENT_KINDS = [
    EventKind("user.registered", "Somebody signed up, or was entered.", {"user_id": "string", "origin": "string"}),
    EventKind(
        "user.access_granted",
        "Somebody may come in for a period.",
        {"user_id": "string", "valid_from": "string", "valid_to": "string", "plan": "string"},
    ),
    EventKind(
        "user.roles_changed",
        "Somebody's staff roles changed.",
        {"user_id": "string", "roles": "array", "changed_at": "string"},
    ),
    EventKind(
        "user.sessions_ended",
        "Signed-in browsers of somebody were signed out from outside.",
        {"user_id": "string", "why": "string", "count": "integer"},
    ),
    EventKind("wallet.linked", "Somebody proved to own an address.", _WALLET),
    EventKind("wallet.unlinked", "An address was forgotten.", _WALLET),
    EventKind(
        "api_key.created",
        "A key was made, or made to replace another.",
        {
            "key_id": "string",
            "user_id": "string",
            "prefix": "string",
            "scopes": "array",
            "expires_at": "string?",
            "rotated_from": "string?",
        },
    ),
    EventKind(
        "api_key.revoked",
        "A key was ended before its time.",
        {"key_id": "string", "user_id": "string", "prefix": "string", "by": "string?"},
    ),
]


def register_all() -> None:
    """Called once, from ``ready()``."""
    for kind in EVENT_KINDS:
        register(kind)
    sections.register()
    retention.register()
    register_secrets(Authenticator, renew_secrets)
