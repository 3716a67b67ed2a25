"""Notes and files: who is writing decides nothing here; the caller says whose it is and who may read it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from hashinsight.common.errors import DomainError
from hashinsight.journal.models import Attachment, AttachmentContent, Note
from hashinsight.journal.models.entry import LONGEST_NOTE

MOST_FILES = 50  # per subject, and as many again among us: a ticket is no file share
MOST_BYTES = 4 * 1024 * 1024


class JournalRefused(DomainError):
    """The entry cannot be written like this."""

    code = "journal_refused"


@dataclass(frozen=True)
class NewFile:
    """A file that was checked where it came in (``common.uploads``)."""

    name: str
    media_type: str
    content: bytes


def _about(subject: Model) -> dict[str, Any]:
    return {"subject_type": subject._meta.label_lower, "subject_id": subject.pk}


def _written(subject: Model, *, by: Any, at: datetime, customer_id: int | None, client_visible: bool) -> dict[str, Any]:
    from_client = by is not None and not by.is_staff
    return {
        **_about(subject), "customer_id": customer_id, "from_client": from_client,
        "client_visible": client_visible or from_client, "author": by, "created_at": at,
    }  # fmt: skip


@transaction.atomic
def add_note(
    subject: Model, *, body: str, by: Any, at: datetime, customer_id: int | None = None, client_visible: bool = False
) -> Note:
    """Write something about a thing. What a client writes is visible to the client. Raises JournalRefused."""
    body = body.strip()
    if not body:
        raise JournalRefused(_("The note is empty."))
    if len(body) > LONGEST_NOTE:
        raise JournalRefused(_("The note is longer than %(most)s characters.") % {"most": LONGEST_NOTE})
    written = _written(subject, by=by, at=at, customer_id=customer_id, client_visible=client_visible)
    note: Note = Note.objects.create(body=body, **written)
    return note


@transaction.atomic
def attach_file(
    subject: Model,
    *,
    file: NewFile,
    by: Any,
    at: datetime,
    customer_id: int | None = None,
    client_visible: bool = False,
) -> Attachment:
    """Add a file to a thing; the same content once only. Raises JournalRefused when there are too many or it is large.

    The caller holds the lock of the subject, so that two at once are counted.
    """
    if len(file.content) > MOST_BYTES:
        raise JournalRefused(_("The file is larger than %(most)s MB.") % {"most": MOST_BYTES // 1024 // 1024})
    sha256 = hashlib.sha256(file.content).hexdigest()
    written = _written(subject, by=by, at=at, customer_id=customer_id, client_visible=client_visible)
    # Counted apart from those of the other kind: a limit that came early would tell a client of files among us.
    there = Attachment.objects.filter(**_about(subject), client_visible=written["client_visible"])
    same: Attachment | None = there.filter(sha256=sha256).first()
    if same is not None:
        return same
    if there.count() >= MOST_FILES:
        raise JournalRefused(_("There are %(most)s files already.") % {"most": MOST_FILES})
    attachment: Attachment = Attachment.objects.create(
        name=file.name, media_type=file.media_type, size=len(file.content), sha256=sha256, **written
    )
    AttachmentContent.objects.create(attachment=attachment, data=file.content)
    return attachment


def notes_of(subject: Model, *, visible_to: Any = None) -> QuerySet[Note]:
    """Notes about a thing, in the order they were written; of these what somebody may see, where a person is named."""
    rows: QuerySet[Note] = _seen(Note.objects.all(), visible_to).filter(**_about(subject))
    return (rows if visible_to else rows.select_related("author")).order_by("created_at", "id")


def attachments_of(subject: Model, *, visible_to: Any = None) -> QuerySet[Attachment]:
    """Files of a thing, in the order they came; the same."""
    rows: QuerySet[Attachment] = _seen(Attachment.objects.all(), visible_to).filter(**_about(subject))
    return (rows if visible_to else rows.select_related("author")).order_by("created_at", "id")


def timeline_of(subject: Model, *, visible_to: Any = None) -> list[Note | Attachment]:
    """Both, in the order they came."""
    notes, files = notes_of(subject, visible_to=visible_to), attachments_of(subject, visible_to=visible_to)
    entries: list[Note | Attachment] = [*notes, *files]
    return sorted(entries, key=lambda entry: (entry.created_at, entry.pk))


def _seen(rows: Any, person: Any) -> Any:
    return rows if person is None else rows.visible_to(person)
