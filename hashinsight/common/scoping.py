"""The first two layers of isolation: scoped querysets, and the row-security scope of a client's request.

Which customers a user may see is known to an upper app; it is asked through the dotted path in
``settings.CUSTOMER_RESOLVER``, so nothing here imports that app.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Self

from django.conf import settings
from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.module_loading import import_string

CLIENT_ROLE = "hashinsight_client"
STAFF_ROLE = "hashinsight_staff"
_CACHE_NAME = "_visible_customer_ids"


class ScopedQuerySet(models.QuerySet[Any]):
    """A queryset that can be limited to what one user may see.

    ``scope_path`` is the look-up from the model to the customer's id; a model that leaves it empty is not for
    clients at all. ``scope_filter`` holds further conditions for clients (drafts stay invisible, for example).
    """

    scope_path: str = ""
    scope_filter: dict[str, Any] = {}

    def visible_to(self, user: Any) -> Self:
        """Staff see all rows here (what they may do is decided by permissions), clients their customers' rows."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        if user.is_staff:
            return self.all()
        if not self.scope_path:
            return self.none()
        return self.of_customers(customer_ids_for(user))

    def of_customers(self, ids: Collection[int]) -> Self:
        """Rows these customers may see; overridden where a plain look-up would double rows or say too little."""
        return self.filter(**{f"{self.scope_path}__in": ids}, **self.scope_filter)


def customer_ids_for(user: Any) -> tuple[int, ...]:
    """Ids of the customers this user may see, asked once per user object (that is, once per request)."""
    cached = getattr(user, _CACHE_NAME, None)
    if cached is None:
        cached = tuple(import_string(settings.CUSTOMER_RESOLVER)(user))
        setattr(user, _CACHE_NAME, cached)
    return cached


@contextmanager
def client_view(customer_ids: Collection[int], *, user_id: object = "") -> Iterator[None]:
    """Read as the client role, in the transaction that is open: the database shows only rows of these customers.

    ``user_id`` adds the user's own rows. Role and settings are transaction-local; leaving the block puts them back,
    because ``SET LOCAL`` survives a released savepoint. An error leaves them to the rollback of the transaction (or
    savepoint) that it must end. Outside a transaction the role would hold for one statement only, so that is refused.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("The client role lives in a transaction; none is open.")
    ids = ",".join(str(int(customer_id)) for customer_id in customer_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('role'), coalesce(current_setting('app.customer_ids', true), ''),"
            " coalesce(current_setting('app.user_id', true), '')"
        )
        before: tuple[str, str, str] = cursor.fetchone()
        _assume(cursor, (CLIENT_ROLE, ids, str(user_id)))
    yield
    with connection.cursor() as cursor:
        _assume(cursor, before)


@contextmanager
def client_scope(customer_ids: Collection[int], *, user_id: object = "") -> Iterator[None]:
    """``client_view`` in a transaction of its own, which on the server must be the outermost."""
    with (
        transaction.atomic(durable=settings.CLIENT_SCOPE_DURABLE),
        client_view(customer_ids, user_id=user_id),
    ):
        yield


def _assume(cursor: CursorWrapper, view: tuple[str, str, str]) -> None:
    """Set role, customers and user for the rest of the transaction."""
    cursor.execute(
        "SELECT set_config('role', %s, true), set_config('app.customer_ids', %s, true),"
        " set_config('app.user_id', %s, true)",
        view,
    )
