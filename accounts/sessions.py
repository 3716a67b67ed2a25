"""The store behind ``request.session``: rows that know whose they are and that anybody entitled can end."""

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from accounts.models import Session


def hashed(session_key: str) -> str:
    """What is stored of a key that has 160 bits of its own: no salt is needed."""
    return hashlib.sha256(session_key.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Keeps the key as a hash, names the user in a column, and never writes to a row that was ended.

    Ending a row is therefore the last word: the next request finds no session, and a request under way that wants
    to store something is told that its session is gone.
    """

    row: Session | None = None
    origin: tuple[str | None, str] | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Our table."""
        return Session

    def note_origin(self, *, ip: str | None, user_agent: str) -> None:
        """Where somebody signs in from; stored with the next save."""
        self.origin = (ip, user_agent)
        self.modified = True

    def exists(self, session_key: str) -> bool:
        """Whether the key was given out already."""
        return Session.objects.filter(session_key=hashed(session_key)).exists()

    def save(self, must_create: bool = False) -> None:
        """A new row as Django does; of a known one only what this request knows better."""
        if must_create or self.session_key is None:
            super().save(must_create=must_create)
            return
        data: dict[str, Any] = self._get_session(no_load=False)  # type: ignore[attr-defined]
        changes: dict[str, Any] = {
            "session_data": self.encode(data),
            "expire_date": self.get_expiry_date(),
            "user_id": data.get(SESSION_KEY),
        }
        if self.origin is not None:
            now = timezone.now()
            changes.update(created_at=now, last_used_at=now, ip_address=self.origin[0], user_agent=self.origin[1])
        live = Session.objects.filter(session_key=hashed(self.session_key), ended_at__isnull=True)
        if not live.update(**changes):
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        """Forget the row: a sign-out, or a new key for the same person."""
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=hashed(key)).delete()

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """A row of ours."""
        key = self._get_or_create_session_key()  # type: ignore[attr-defined]
        return Session(
            session_key=hashed(key),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=data.get(SESSION_KEY),
        )

    def _get_session_from_db(self) -> Session | None:
        live = Session.objects.filter(ended_at__isnull=True, expire_date__gt=timezone.now())
        self.row = live.filter(session_key=hashed(self.session_key or "")).first()
        if self.row is None:
            self._session_key = None
        return self.row
