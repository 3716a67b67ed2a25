"""What accounts makes known at start: event kinds, sections of the own page, the scheme of the API keys."""

from accounts import sections
from hashinsight.events.registry import EventKind, register

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
