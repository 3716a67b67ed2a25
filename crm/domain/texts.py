"""Free texts that people type: reasons, notes."""

from django.utils.translation import gettext as _

from crm.models.fields import has_control_characters
from hashinsight.common.errors import DomainError


class TextRefused(DomainError):
    """The text holds characters that neither the database nor a document can keep."""

    code = "text_refused"


def printable(text: str) -> str:
    """The text itself. Raises TextRefused for control characters; line breaks and tabs are fine."""
    if has_control_characters(text):
        raise TextRefused(_("Control characters are not allowed."))
    return text
