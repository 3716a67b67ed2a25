"""Change pages on which times are typed and read by a clock of their own."""

from datetime import tzinfo
from typing import Any

from django.http import HttpRequest
from django.utils import timezone


class ZonedPagesMixin:
    """Before the admin class: ``page_zone`` says by which clock a page goes."""

    def page_zone(self, request: HttpRequest, object_id: str | None) -> tzinfo | None:
        """None: by that of all pages."""
        raise NotImplementedError

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Typed and read by that clock."""
        with timezone.override(self.page_zone(request, object_id)):
            response = super().changeform_view(request, object_id, form_url, extra_context)  # type: ignore[misc]
            if hasattr(response, "render"):
                response.render()  # as long as that clock is set
        return response
