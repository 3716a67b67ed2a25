"""E-mail through Django."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

from hashinsight.notify.clients.answers import Answer


def send(*, recipient: str, subject: str, body: str, message_id: str) -> Answer:
    """Hand it to the mail server; a repeat after a crash carries the same Message-ID."""
    message = EmailMessage(
        subject=" ".join(subject.split()),
        body=body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[recipient],
        headers={"Message-ID": message_id, "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        return Answer(False, error=f"{type(error).__name__}: {error}"[:500])
    return Answer(True)
