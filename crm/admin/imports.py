"""Which columns can be imported, and the domain function that makes a row of them."""

from typing import Any

from crm.domain import customers, leads, master_data
from crm.enums import LeadSource
from crm.models import Customer, Lead, Product
from hashinsight.common.admin.importing import DomainResource


class CustomerResource(DomainResource):
    """Customers."""

    required = ("company_name",)

    class Meta:
        model = Customer
        import_id_fields = ()
        skip_diff = True
        fields = (
            "company_name",
            "contact_name",
            "email",
            "billing_email",
            "phone",
            "street",
            "postal_code",
            "city",
            "region",
            "country",
            "tax_id",
            "vat_id",
            "sector",
            "mining_capacity_mw",
            "currency",
            "time_zone",
            "language",
            "payment_terms_days",
            "internal_note",
        )

    def create(self, fields: dict[str, Any]) -> Any:
        """One domain call."""
        name = fields.pop("company_name", "")
        return customers.create_customer(company_name=name, by=self.by, at=self.at, **fields)


class LeadResource(DomainResource):
    """Leads."""

    required = ("title",)

    class Meta:
        model = Lead
        import_id_fields = ()
        skip_diff = True
        fields = (
            "title",
            "company",
            "name",
            "email",
            "phone",
            "source",
            "score",
            "value",
            "currency",
            "time_zone",
            "internal_note",
        )

    def create(self, fields: dict[str, Any]) -> Any:
        """One domain call."""
        fields.setdefault("source", LeadSource.IMPORT)
        return leads.create_lead(title=fields.pop("title", ""), by=self.by, at=self.at, **fields)


class ProductResource(DomainResource):
    """Products."""

    required = ("code", "name", "unit_price")

    class Meta:
        model = Product
        import_id_fields = ()
        skip_diff = True
        fields = ("code", "name", "description", "unit_code", "unit_price", "currency", "is_active")

    def create(self, fields: dict[str, Any]) -> Any:
        """One domain call."""
        return master_data.create_product(at=self.at, **fields)
