"""Due work of reminders: print the letter, store it once, send it. Safe to run twice, safe to kill."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.documents.dunning import letter_name, render_letter
from crm.domain import dunning
from crm.models import DunningLetter


def send_dunning_letter(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
    """Print and store the letter, then e-mail it unless it is sample data, nobody's address, or paid meanwhile."""
    letter = DunningLetter.objects.select_related("customer", "legal_entity__logo").get(pk=payload["letter_id"])
    if letter.content is None:
        content = render_letter(letter)
        letter = dunning.store_letter(letter, content=content, sha256=hashlib.sha256(content).hexdigest())
    if "recipient" in payload:
        dunning_email(letter, recipient=payload["recipient"], message_id=payload["message_id"]).send()
        finish()
        return
    if letter.sent_at or letter.is_sample or not letter.recipient or not dunning.still_owed(letter):
        finish()
        return
    dunning_email(letter, recipient=letter.recipient, message_id=letter.message_id).send()
    with transaction.atomic():
        dunning.mark_sent(letter, at=timezone.now())
        finish()


def dunning_email(letter: DunningLetter, *, recipient: str, message_id: str) -> EmailMessage:
    """The message with the stored letter; a repeat after a crash carries the same Message-ID."""
    seller = letter.legal_entity
    with override(letter.language):
        subject = letter_name(letter)
        body = _("Dear Sir or Madam,\n\nplease find attached our %(subject)s.\n\nKind regards\n%(seller)s") % {
            "subject": subject,
            "seller": seller.name,
        }
    message = EmailMessage(
        subject=f"{subject} – {' '.join(seller.name.split())}",
        body=body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[recipient],
        reply_to=[seller.email] if seller.email else None,
        headers={"Message-ID": message_id},
    )
    content: Any = letter.content
    message.attach(f"reminder-{letter.dated_on}.pdf", bytes(content), "application/pdf")
    return message
