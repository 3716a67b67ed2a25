"""Due work: the mail with the link of an invitation. Safe to run twice, safe to kill."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from crm.domain import invitations
from crm.models import Invitation


def send_invitation(payload: Mapping[str, Any], finish: Callable[[], bool]) -> None:
    """Send the link; nothing for an invitation that was settled or sent anew meanwhile."""
    rows = Invitation.objects.select_related("customer", "invited_by")
    invitation = rows.filter(pk=payload["invitation_id"], generation=payload["generation"]).first()
    if invitation is None or invitation.sent_at is not None or not invitation.is_open(timezone.now()):
        finish()
        return
    invitation_email(invitation).send()
    with transaction.atomic():
        invitations.mark_sent(invitation, generation=invitation.generation, at=timezone.now())
        finish()


def link_of(invitation: Invitation) -> str:
    """The address the person follows; on our own host, whatever name a request came in by."""
    token = invitations.token_of(invitation)
    return urljoin(settings.BASE_URL, reverse("invitation", args=[invitation.public_id, token]))


def invitation_email(invitation: Invitation) -> EmailMessage:
    """The message in the language of the invitation; a repeat after a crash carries the same Message-ID."""
    with override(invitation.language):
        subject = _("Your invitation to HashInsight")
        to = invitation.customer.company_name if invitation.customer else _("the back office")
        body = _(
            "Hello,\n\n%(inviter)s invites you to HashInsight (%(to)s).\n\nFollow this link to accept:\n\n%(link)s\n\n"
            "It works once, until %(until)s UTC. If you expected no invitation, leave this message alone."
        ) % {
            "inviter": invitation.invited_by or "HashInsight",
            "to": to,
            "link": link_of(invitation),
            "until": date_format(invitation.expires_at, "DATETIME_FORMAT"),
        }
    message_id = f"<invitation-{invitation.public_id}-{invitation.generation}@hashinsight>"
    return EmailMessage(
        subject=subject,
        body=body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[invitation.email],
        headers={"Message-ID": message_id},
    )
