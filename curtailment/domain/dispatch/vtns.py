"""OpenADR servers as people set them up: checked, with a secret that is kept sealed, and forgotten when they move."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from curtailment.models import VtnConnection
from hashinsight.common.audit import audit_context
from hashinsight.common.errors import DomainError
from hashinsight.common.outbound import check_url
from hashinsight.common.transitions import lock_row
from hashinsight.jobs.queue import enqueue_after_commit

_MOVES = frozenset({"base_url", "openadr_version", "client_id", "ven_name", "token_url"})


@transaction.atomic
def create_connection(*, client_secret: str, by: Any, at: datetime, **fields: Any) -> VtnConnection:
    """A server with what opens it. Raises ValidationError."""
    row = VtnConnection(created_at=at, **fields)
    row.conceal_client_secret(client_secret.strip())
    check_connection(row)
    row.full_clean()
    with audit_context(actor=by):
        row.save()
    return row


@transaction.atomic
def change_connection(row: VtnConnection, *, changes: Mapping[str, Any], by: Any) -> VtnConnection:
    """Change it; where it has moved, or we have another name there, we register anew. Raises ValidationError."""
    locked = lock_row(row)
    for name, value in changes.items():
        setattr(locked, name, value)
    check_connection(locked)
    locked.full_clean()
    if _MOVES & set(changes):
        _forget(locked)
    with audit_context(actor=by):
        locked.save()
    return locked.reload()


@transaction.atomic
def change_secret(row: VtnConnection, *, client_secret: str, by: Any) -> VtnConnection:
    """Another client secret, from the next call on."""
    locked = lock_row(row)
    locked.conceal_client_secret(client_secret.strip())
    _drop_token(locked)
    with audit_context(actor=by, reason="new secret"):
        locked.save(update_fields=["client_secret", "access_token", "token_until", "not_before"])
    return locked.reload()


@transaction.atomic
def ask_now(row: VtnConnection, *, by: Any, at: datetime) -> None:
    """Let it be asked without waiting for its turn, whatever went wrong before."""
    VtnConnection.objects.filter(pk=row.pk).update(not_before=None, polled_at=None)
    enqueue_after_commit("curtailment.poll_vtn", connection_id=row.pk)


def check_connection(row: VtnConnection) -> None:
    """Raise ValidationError, field by field, for addresses nobody may call."""
    for name in ("base_url", "token_url"):
        url = getattr(row, name)
        if url:
            try:
                check_url(url)
            except DomainError as refusal:
                raise ValidationError({name: str(refusal)}) from refusal


def _forget(row: VtnConnection) -> None:
    """What the server of before told us of itself."""
    row.ven_id = ""
    _drop_token(row)
    row.resources.update(resource_id="")


def _drop_token(row: VtnConnection) -> None:
    row.conceal_access_token("")
    row.token_until = row.not_before = None
