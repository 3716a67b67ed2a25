"""A caller of the API: a person, a key, and calls as a program makes them."""

import json
from datetime import UTC, datetime
from typing import Any

from django.test import Client

from accounts.domain.keys import create_key, scopes_for
from accounts.enums import SCOPES
from accounts.models import User

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


class Caller:
    """Calls ``/api/v1`` with one key of a user; ``scopes`` None means all that the user may hold."""

    def __init__(self, user: User | None, scopes: list[str] | None = None, **headers: str) -> None:
        self.user = user
        self.http = Client(raise_request_exception=False)
        self.headers = headers
        if user is not None:
            wanted = scopes_for(user) if scopes is None else scopes
            self.key, self.secret = create_key(user, name="test", scopes=wanted, expires_at=None, by=user, at=NOW)
            self.headers = {"Authorization": f"Bearer {self.secret}", **headers}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One call; ``path`` begins after /api/v1."""
        extra: dict[str, Any] = {"headers": {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}}
        if body is not None:
            extra["data"] = body if isinstance(body, bytes | str) else json.dumps(body, default=str)
            extra["content_type"] = "application/json"
        url = path if path.startswith(("/api/", "http")) else f"/api/v1{path}"
        return getattr(self.http, method.lower())(url, **extra)

    def get(self, path: str, **headers: str) -> Any:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST."""
        return self.call("POST", path, {} if body is None else body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        """PATCH."""
        return self.call("PATCH", path, body, **headers)


ALL_SCOPES = list(SCOPES)
