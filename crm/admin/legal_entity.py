"""Our legal entities, their logo and their number series."""

import base64
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter

from crm.domain import legal_entities
from crm.forms.legal_entity import LegalEntityForm
from crm.models import LegalEntity, NumberSeries
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.inlines import ViewOnlyInline


class NumberSeriesInline(ViewOnlyInline):
    """The counters; nobody types in them."""

    model = NumberSeries
    fields = ("kind", "year", "customer", "starts_after", "last_number")
    ordering = ("-year", "kind", "customer_id")
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> Any:
        """With the names."""
        return super().get_queryset(request).select_related("customer")


@admin.register(LegalEntity)
class LegalEntityAdmin(BaseAdmin):
    """Who we are on paper."""

    form = LegalEntityForm
    list_display = ("name", "city", "country", "currency", "number_prefix", "number_scope", "is_active")
    list_filter = (("is_active", BooleanRadioFilter),)
    search_fields = ("name", "vat_id")
    ordering = ("name",)
    list_select_related = ("logo",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "is_active"),
                    ("street", "postal_code", "city"),
                    ("region", "country"),
                    ("contact_name", "email", "phone"),
                    ("website", "electronic_address_scheme", "electronic_address"),
                )
            },
        ),
        (
            gettext_lazy("Numbers and terms"),
            {
                "classes": ["tab"],
                "fields": (
                    ("number_prefix", "credit_note_prefix", "number_scope"),
                    ("payment_terms_days", "currency"),
                    ("language", "time_zone"),
                ),
            },
        ),
        (
            gettext_lazy("Tax and bank"),
            {
                "classes": ["tab"],
                "fields": (
                    ("registration_number", "tax_id", "vat_id"),
                    ("bank_name", "bank_account_holder"),
                    ("iban", "bic"),
                ),
            },
        ),
        (
            gettext_lazy("Paper"),
            {"classes": ["tab"], "fields": ("logo_shown", ("new_logo", "remove_logo"), "footer")},
        ),
    )
    readonly_fields = ("logo_shown",)
    inlines = (NumberSeriesInline,)

    @admin.display(description=gettext_lazy("logo"))
    def logo_shown(self, entity: LegalEntity) -> Any:
        """The picture itself, inside the page."""
        if entity.logo is None:
            return "–"
        data = base64.b64encode(bytes(entity.logo.content)).decode()
        return format_html('<img class="hi-logo" alt="" src="data:{};base64,{}">', entity.logo.media_type, data)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new logo is for people who may change the entity."""
        groups = super().get_fieldsets(request, obj)
        if obj is None or self.has_change_permission(request, obj):
            return groups
        upload = ("new_logo", "remove_logo")
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != upload]})
            for title, options in groups
        ]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Series exist once something was issued."""
        return super().get_inlines(request, obj) if obj is not None else ()

    def save_model(self, request: HttpRequest, obj: LegalEntity, form: Any, change: bool) -> None:
        """The columns, then the logo through the domain."""
        super().save_model(request, obj, form, change)
        picture = form.cleaned_data.get("new_logo")
        if picture:
            content, media_type = picture
            legal_entities.set_logo(obj, content=content, media_type=media_type, at=timezone.now())
        elif form.cleaned_data.get("remove_logo") and obj.logo_id:
            legal_entities.set_logo(obj, content=None, media_type="", at=timezone.now())
