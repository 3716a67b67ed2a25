"""Reading as the caller: clients through the database role of clients, staff as the application."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hashinsight.common import scoping


def is_client(user: Any) -> bool:
    """Whoever is not staff is a client, whatever else is true of them."""
    return not user.is_staff


@contextmanager
def reading_as(user: Any) -> Iterator[None]:
    """The block reads what this user may see. For a client it is a transaction of its own, and the outermost.

    The customer ids are asked before the scope begins: inside it that table is out of reach.
    """
    if not is_client(user):
        yield
        return
    customer_ids = scoping.customer_ids_for(user)
    with scoping.client_scope(customer_ids, user_id=user.pk):
        yield


@contextmanager
def answering_as(user: Any) -> Iterator[None]:
    """The same view of the data inside the transaction of a write, to build the answer from it.

    An error leaves by the rollback of that transaction, which puts the role back.
    """
    if not is_client(user):
        yield
        return
    with scoping.client_view(scoping.customer_ids_for(user), user_id=user.pk):
        yield
