"""The form of a legal entity, with its logo."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.documents.logos import MAX_BYTES, LogoRefused, check_logo
from hashinsight.common.admin.forms import HouseForm
from hashinsight.common.admin.widgets import dress
from hashinsight.common.uploads import JPEG, PNG, SVG, UploadField


class LegalEntityForm(HouseForm):
    """A logo is checked here and stored by the domain."""

    new_logo = UploadField(
        kinds=(PNG, JPEG, SVG),
        most_bytes=MAX_BYTES,
        label=_("New logo"),
        required=False,
        help_text=_("PNG, JPEG or SVG, at most 1 MB."),
    )
    remove_logo = forms.BooleanField(label=_("Remove the logo"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dress(self, only=("new_logo", "remove_logo"))

    def clean_new_logo(self) -> tuple[bytes, str] | None:
        """Bytes and media type of a picture that may be printed."""
        upload = self.cleaned_data.get("new_logo")
        if not upload:
            return None
        mime, content = upload.content_type, upload.read()
        try:
            check_logo(content, mime)
        except LogoRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return content, mime
