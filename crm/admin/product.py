"""Products."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter
from unfold.decorators import display

from crm import rules
from crm.admin.imports import ProductResource
from crm.domain import master_data
from crm.models import Product
from hashinsight.common.admin.actions import power
from hashinsight.common.admin.base import BaseAdmin
from hashinsight.common.admin.display import price_text
from hashinsight.common.admin.importing import ImportPage


class ImportProductsPage(ImportPage):
    """Products from a file."""

    power = "import_product"
    title = gettext_lazy("Import products")
    resource_class = ProductResource


@admin.register(Product)
class ProductAdmin(BaseAdmin):
    """Offers with a list price."""

    list_display = ("code", "name", "unit_code", "price_shown", "tax_code", "is_active")
    list_select_related = ("tax_code",)
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("unit_code", ChoicesDropdownFilter),
        ("currency", ChoicesDropdownFilter),
    )
    search_fields = ("code", "name")
    ordering = ("code",)
    fieldsets = (
        (None, {"fields": (("code", "name", "is_active"), "description")}),
        (
            gettext_lazy("Price"),
            {"fields": (("unit_price", "currency", "unit_code"), ("tax_code", "source_ref"))},
        ),
    )
    readonly_fields = ("source_ref",)
    pages = {"import": ImportProductsPage}
    has_import_product_permission = power(rules.may_import_product)

    @display(description=gettext_lazy("list price"), ordering="unit_price")
    def price_shown(self, product: Product) -> SafeString:
        return format_html('<span class="hi-money">{}</span>', price_text(product.unit_price, product.currency))

    def save_model(self, request: HttpRequest, obj: Product, form: Any, change: bool) -> None:
        """A new one through the domain."""
        if change:
            super().save_model(request, obj, form, change)
        else:
            self.adopt(obj, master_data.create_product(at=timezone.now(), **form.cleaned_data))
