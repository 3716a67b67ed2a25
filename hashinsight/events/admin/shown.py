"""How events look on pages."""

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from hashinsight.common.admin.base import ViewOnlyAdmin


def readable(payload: Any) -> SafeString:
    """JSON with a line per field; whatever stands in it is shown as text."""
    text = json.dumps(payload, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="hi-payload">{}</pre>', text)


class PayloadAdmin(ViewOnlyAdmin):
    """Rows with a payload."""

    @admin.display(description=gettext_lazy("payload"))
    def payload_shown(self, row: Any) -> SafeString:
        """Readable."""
        return readable(row.payload)
