# ruff: noqa: E501 - the triggers are as makemigrations wrote them
"""What e-invoices need to know of customers, legal entities and taxes; a second form of stored document."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import crm.models.fields


class Migration(migrations.Migration):
    """New columns have their default in the database: code of the release before goes on writing rows."""

    dependencies = [
        ("crm", "0013_period_guards"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="customer",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="customer",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="customer",
            name="delete_delete",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoiceline",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoiceline",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoiceline",
            name="delete_delete",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="legalentity",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="legalentity",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="legalentity",
            name="delete_delete",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="taxcode",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="taxcode",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="taxcode",
            name="delete_delete",
        ),
        migrations.RemoveConstraint(
            model_name="invoicedocument",
            name="crm_document_format_known",
        ),
        migrations.AddField(
            model_name="customer",
            name="electronic_address",
            field=crm.models.fields.NameField(
                blank=True,
                db_default="",
                default="",
                help_text="For e-invoices; empty: the e-mail address.",
                max_length=100,
                verbose_name="electronic address",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="electronic_address_scheme",
            field=models.CharField(
                choices=[
                    ("EM", "e-mail address"),
                    ("0204", "Leitweg-ID (Germany)"),
                    ("0088", "GLN (GS1)"),
                    ("0060", "D-U-N-S number"),
                    ("9930", "VAT id, Germany"),
                    ("9914", "VAT id, Austria"),
                    ("9957", "VAT id, France"),
                    ("0106", "KvK number, Netherlands"),
                    ("0208", "enterprise number, Belgium"),
                    ("0184", "CVR number, Denmark"),
                    ("0192", "organisation number, Norway"),
                    ("0007", "organisation number, Sweden"),
                    ("0216", "OVT code, Finland"),
                    ("0183", "UID, Switzerland"),
                ],
                db_default="EM",
                default="EM",
                max_length=4,
                verbose_name="kind of electronic address",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="invoice_format",
            field=models.CharField(
                choices=[
                    ("auto", "PDF, with the e-invoice inside as soon as its data are complete"),
                    ("facturx", "PDF with the e-invoice inside, always (Factur-X, ZUGFeRD)"),
                    ("xrechnung", "XRechnung (XML), with a PDF to look at"),
                    ("pdf", "PDF only"),
                ],
                db_default="auto",
                default="auto",
                max_length=16,
                verbose_name="form of invoices",
            ),
        ),
        migrations.AddField(
            model_name="customer",
            name="leitweg_id",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Of German authorities only; the e-invoice reaches them by it.",
                max_length=46,
                validators=[crm.models.fields.validate_leitweg_id],
                verbose_name="Leitweg-ID",
            ),
        ),
        migrations.AddField(
            model_name="customerevent",
            name="electronic_address",
            field=crm.models.fields.NameField(
                blank=True,
                db_default="",
                default="",
                help_text="For e-invoices; empty: the e-mail address.",
                max_length=100,
                verbose_name="electronic address",
            ),
        ),
        migrations.AddField(
            model_name="customerevent",
            name="electronic_address_scheme",
            field=models.CharField(
                choices=[
                    ("EM", "e-mail address"),
                    ("0204", "Leitweg-ID (Germany)"),
                    ("0088", "GLN (GS1)"),
                    ("0060", "D-U-N-S number"),
                    ("9930", "VAT id, Germany"),
                    ("9914", "VAT id, Austria"),
                    ("9957", "VAT id, France"),
                    ("0106", "KvK number, Netherlands"),
                    ("0208", "enterprise number, Belgium"),
                    ("0184", "CVR number, Denmark"),
                    ("0192", "organisation number, Norway"),
                    ("0007", "organisation number, Sweden"),
                    ("0216", "OVT code, Finland"),
                    ("0183", "UID, Switzerland"),
                ],
                db_default="EM",
                default="EM",
                max_length=4,
                verbose_name="kind of electronic address",
            ),
        ),
        migrations.AddField(
            model_name="customerevent",
            name="invoice_format",
            field=models.CharField(
                choices=[
                    ("auto", "PDF, with the e-invoice inside as soon as its data are complete"),
                    ("facturx", "PDF with the e-invoice inside, always (Factur-X, ZUGFeRD)"),
                    ("xrechnung", "XRechnung (XML), with a PDF to look at"),
                    ("pdf", "PDF only"),
                ],
                db_default="auto",
                default="auto",
                max_length=16,
                verbose_name="form of invoices",
            ),
        ),
        migrations.AddField(
            model_name="customerevent",
            name="leitweg_id",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Of German authorities only; the e-invoice reaches them by it.",
                max_length=46,
                validators=[crm.models.fields.validate_leitweg_id],
                verbose_name="Leitweg-ID",
            ),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="exemption_code",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=30, verbose_name="VATEX code"
            ),
        ),
        migrations.AddField(
            model_name="invoicelineevent",
            name="exemption_code",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=30, verbose_name="VATEX code"
            ),
        ),
        migrations.AddField(
            model_name="legalentity",
            name="contact_name",
            field=crm.models.fields.NameField(
                blank=True,
                db_default="",
                default="",
                help_text="A person or a department; empty: the name of the company.",
                max_length=100,
                verbose_name="contact for invoices",
            ),
        ),
        migrations.AddField(
            model_name="legalentity",
            name="electronic_address",
            field=crm.models.fields.NameField(
                blank=True,
                db_default="",
                default="",
                help_text="For e-invoices; empty: the e-mail address.",
                max_length=100,
                verbose_name="electronic address",
            ),
        ),
        migrations.AddField(
            model_name="legalentity",
            name="electronic_address_scheme",
            field=models.CharField(
                choices=[
                    ("EM", "e-mail address"),
                    ("0204", "Leitweg-ID (Germany)"),
                    ("0088", "GLN (GS1)"),
                    ("0060", "D-U-N-S number"),
                    ("9930", "VAT id, Germany"),
                    ("9914", "VAT id, Austria"),
                    ("9957", "VAT id, France"),
                    ("0106", "KvK number, Netherlands"),
                    ("0208", "enterprise number, Belgium"),
                    ("0184", "CVR number, Denmark"),
                    ("0192", "organisation number, Norway"),
                    ("0007", "organisation number, Sweden"),
                    ("0216", "OVT code, Finland"),
                    ("0183", "UID, Switzerland"),
                ],
                db_default="EM",
                default="EM",
                max_length=4,
                verbose_name="kind of electronic address",
            ),
        ),
        migrations.AddField(
            model_name="legalentityevent",
            name="contact_name",
            field=crm.models.fields.NameField(
                blank=True,
                db_default="",
                default="",
                help_text="A person or a department; empty: the name of the company.",
                max_length=100,
                verbose_name="contact for invoices",
            ),
        ),
        migrations.AddField(
            model_name="legalentityevent",
            name="electronic_address",
            field=crm.models.fields.NameField(
                blank=True,
                db_default="",
                default="",
                help_text="For e-invoices; empty: the e-mail address.",
                max_length=100,
                verbose_name="electronic address",
            ),
        ),
        migrations.AddField(
            model_name="legalentityevent",
            name="electronic_address_scheme",
            field=models.CharField(
                choices=[
                    ("EM", "e-mail address"),
                    ("0204", "Leitweg-ID (Germany)"),
                    ("0088", "GLN (GS1)"),
                    ("0060", "D-U-N-S number"),
                    ("9930", "VAT id, Germany"),
                    ("9914", "VAT id, Austria"),
                    ("9957", "VAT id, France"),
                    ("0106", "KvK number, Netherlands"),
                    ("0208", "enterprise number, Belgium"),
                    ("0184", "CVR number, Denmark"),
                    ("0192", "organisation number, Norway"),
                    ("0007", "organisation number, Sweden"),
                    ("0216", "OVT code, Finland"),
                    ("0183", "UID, Switzerland"),
                ],
                db_default="EM",
                default="EM",
                max_length=4,
                verbose_name="kind of electronic address",
            ),
        ),
        migrations.AddField(
            model_name="taxcode",
            name="exemption_code",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why no tax is charged, as a code for e-invoices. Only exempt sales need to choose one.",
                max_length=30,
                validators=[crm.models.fields.validate_exemption_code],
                verbose_name="VATEX code",
            ),
        ),
        migrations.AddField(
            model_name="taxcodeevent",
            name="exemption_code",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why no tax is charged, as a code for e-invoices. Only exempt sales need to choose one.",
                max_length=30,
                validators=[crm.models.fields.validate_exemption_code],
                verbose_name="VATEX code",
            ),
        ),
        migrations.AlterField(
            model_name="customer",
            name="buyer_reference",
            field=crm.models.fields.NameField(
                blank=True,
                default="",
                help_text="Printed on invoices, for example an order number.",
                max_length=100,
                verbose_name="buyer reference",
            ),
        ),
        migrations.AlterField(
            model_name="customerevent",
            name="buyer_reference",
            field=crm.models.fields.NameField(
                blank=True,
                default="",
                help_text="Printed on invoices, for example an order number.",
                max_length=100,
                verbose_name="buyer reference",
            ),
        ),
        migrations.AlterField(
            model_name="invoicedocument",
            name="format",
            field=models.CharField(
                choices=[("pdf", "PDF"), ("xml", "e-invoice (XML)")], default="pdf", max_length=8, verbose_name="format"
            ),
        ),
        migrations.AlterField(
            model_name="invoicedocumentevent",
            name="format",
            field=models.CharField(
                choices=[("pdf", "PDF"), ("xml", "e-invoice (XML)")], default="pdf", max_length=8, verbose_name="format"
            ),
        ),
        migrations.AlterField(
            model_name="invoiceline",
            name="tax_category",
            field=models.CharField(
                choices=[
                    ("S", "standard rate"),
                    ("Z", "zero rated"),
                    ("E", "exempt from tax"),
                    ("AE", "reverse charge"),
                    ("K", "supply to another EU country"),
                    ("G", "export outside the EU"),
                    ("O", "not subject to tax"),
                ],
                default="O",
                editable=False,
                max_length=2,
                verbose_name="tax category",
            ),
        ),
        migrations.AlterField(
            model_name="invoicelineevent",
            name="tax_category",
            field=models.CharField(
                choices=[
                    ("S", "standard rate"),
                    ("Z", "zero rated"),
                    ("E", "exempt from tax"),
                    ("AE", "reverse charge"),
                    ("K", "supply to another EU country"),
                    ("G", "export outside the EU"),
                    ("O", "not subject to tax"),
                ],
                default="O",
                editable=False,
                max_length=2,
                verbose_name="tax category",
            ),
        ),
        migrations.AlterField(
            model_name="taxcode",
            name="category",
            field=models.CharField(
                choices=[
                    ("S", "standard rate"),
                    ("Z", "zero rated"),
                    ("E", "exempt from tax"),
                    ("AE", "reverse charge"),
                    ("K", "supply to another EU country"),
                    ("G", "export outside the EU"),
                    ("O", "not subject to tax"),
                ],
                default="S",
                max_length=2,
                verbose_name="category",
            ),
        ),
        migrations.AlterField(
            model_name="taxcodeevent",
            name="category",
            field=models.CharField(
                choices=[
                    ("S", "standard rate"),
                    ("Z", "zero rated"),
                    ("E", "exempt from tax"),
                    ("AE", "reverse charge"),
                    ("K", "supply to another EU country"),
                    ("G", "export outside the EU"),
                    ("O", "not subject to tax"),
                ],
                default="S",
                max_length=2,
                verbose_name="category",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_customerevent" ("billing_email", "buyer_reference", "city", "code", "company_name", "contact_name", "country", "created_at", "currency", "electronic_address", "electronic_address_scheme", "email", "id", "internal_note", "invoice_format", "is_sample", "language", "legal_entity_id", "leitweg_id", "mining_capacity_mw", "parent_id", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "region", "sector", "source_ref", "status", "street", "tax_code_id", "tax_id", "time_zone", "updated_at", "vat_id", "version") VALUES (NEW."billing_email", NEW."buyer_reference", NEW."city", NEW."code", NEW."company_name", NEW."contact_name", NEW."country", NEW."created_at", NEW."currency", NEW."electronic_address", NEW."electronic_address_scheme", NEW."email", NEW."id", NEW."internal_note", NEW."invoice_format", NEW."is_sample", NEW."language", NEW."legal_entity_id", NEW."leitweg_id", NEW."mining_capacity_mw", NEW."parent_id", NEW."payment_terms_days", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."postal_code", NEW."public_id", NEW."region", NEW."sector", NEW."source_ref", NEW."status", NEW."street", NEW."tax_code_id", NEW."tax_id", NEW."time_zone", NEW."updated_at", NEW."vat_id", NEW."version"); RETURN NULL;',
                    hash="28a4a0b3cbbbc24d67208b6d044c4b3493ea7aed",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d8d27",
                    table="crm_customer",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_customerevent" ("billing_email", "buyer_reference", "city", "code", "company_name", "contact_name", "country", "created_at", "currency", "electronic_address", "electronic_address_scheme", "email", "id", "internal_note", "invoice_format", "is_sample", "language", "legal_entity_id", "leitweg_id", "mining_capacity_mw", "parent_id", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "region", "sector", "source_ref", "status", "street", "tax_code_id", "tax_id", "time_zone", "updated_at", "vat_id", "version") VALUES (NEW."billing_email", NEW."buyer_reference", NEW."city", NEW."code", NEW."company_name", NEW."contact_name", NEW."country", NEW."created_at", NEW."currency", NEW."electronic_address", NEW."electronic_address_scheme", NEW."email", NEW."id", NEW."internal_note", NEW."invoice_format", NEW."is_sample", NEW."language", NEW."legal_entity_id", NEW."leitweg_id", NEW."mining_capacity_mw", NEW."parent_id", NEW."payment_terms_days", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."postal_code", NEW."public_id", NEW."region", NEW."sector", NEW."source_ref", NEW."status", NEW."street", NEW."tax_code_id", NEW."tax_id", NEW."time_zone", NEW."updated_at", NEW."vat_id", NEW."version"); RETURN NULL;',
                    hash="ffe71df90003c4ae86115af021d1d53740729a9b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_2c843",
                    table="crm_customer",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="customer",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_customerevent" ("billing_email", "buyer_reference", "city", "code", "company_name", "contact_name", "country", "created_at", "currency", "electronic_address", "electronic_address_scheme", "email", "id", "internal_note", "invoice_format", "is_sample", "language", "legal_entity_id", "leitweg_id", "mining_capacity_mw", "parent_id", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "region", "sector", "source_ref", "status", "street", "tax_code_id", "tax_id", "time_zone", "updated_at", "vat_id", "version") VALUES (OLD."billing_email", OLD."buyer_reference", OLD."city", OLD."code", OLD."company_name", OLD."contact_name", OLD."country", OLD."created_at", OLD."currency", OLD."electronic_address", OLD."electronic_address_scheme", OLD."email", OLD."id", OLD."internal_note", OLD."invoice_format", OLD."is_sample", OLD."language", OLD."legal_entity_id", OLD."leitweg_id", OLD."mining_capacity_mw", OLD."parent_id", OLD."payment_terms_days", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."phone", OLD."postal_code", OLD."public_id", OLD."region", OLD."sector", OLD."source_ref", OLD."status", OLD."street", OLD."tax_code_id", OLD."tax_id", OLD."time_zone", OLD."updated_at", OLD."vat_id", OLD."version"); RETURN NULL;',
                    hash="00947fe0dd6e9980e2baee060480a0f1c355d1b4",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_21256",
                    table="crm_customer",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceline",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_invoicelineevent" ("corrects_position", "created_at", "description", "exemption_code", "exemption_reason", "id", "invoice_id", "net_amount", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "product_id", "public_id", "quantity", "service_from", "service_to", "tax_category", "tax_code_id", "tax_rate", "unit_code", "unit_price", "updated_at", "version") VALUES (NEW."corrects_position", NEW."created_at", NEW."description", NEW."exemption_code", NEW."exemption_reason", NEW."id", NEW."invoice_id", NEW."net_amount", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."position", NEW."product_id", NEW."public_id", NEW."quantity", NEW."service_from", NEW."service_to", NEW."tax_category", NEW."tax_code_id", NEW."tax_rate", NEW."unit_code", NEW."unit_price", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="0e1f981080200f7875f214ffba0e14dd80eedf63",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_b4be3",
                    table="crm_invoiceline",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceline",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_invoicelineevent" ("corrects_position", "created_at", "description", "exemption_code", "exemption_reason", "id", "invoice_id", "net_amount", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "product_id", "public_id", "quantity", "service_from", "service_to", "tax_category", "tax_code_id", "tax_rate", "unit_code", "unit_price", "updated_at", "version") VALUES (NEW."corrects_position", NEW."created_at", NEW."description", NEW."exemption_code", NEW."exemption_reason", NEW."id", NEW."invoice_id", NEW."net_amount", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."position", NEW."product_id", NEW."public_id", NEW."quantity", NEW."service_from", NEW."service_to", NEW."tax_category", NEW."tax_code_id", NEW."tax_rate", NEW."unit_code", NEW."unit_price", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="2d3e9d79563ada989096aef7fbcf1395039d869b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_27ff1",
                    table="crm_invoiceline",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoiceline",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_invoicelineevent" ("corrects_position", "created_at", "description", "exemption_code", "exemption_reason", "id", "invoice_id", "net_amount", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "position", "product_id", "public_id", "quantity", "service_from", "service_to", "tax_category", "tax_code_id", "tax_rate", "unit_code", "unit_price", "updated_at", "version") VALUES (OLD."corrects_position", OLD."created_at", OLD."description", OLD."exemption_code", OLD."exemption_reason", OLD."id", OLD."invoice_id", OLD."net_amount", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."position", OLD."product_id", OLD."public_id", OLD."quantity", OLD."service_from", OLD."service_to", OLD."tax_category", OLD."tax_code_id", OLD."tax_rate", OLD."unit_code", OLD."unit_price", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="95c029d629510b467791b40ee3df42e3c5cab069",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_92ff4",
                    table="crm_invoiceline",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_legalentityevent" ("bank_account_holder", "bank_name", "bic", "city", "contact_name", "country", "created_at", "credit_note_prefix", "currency", "electronic_address", "electronic_address_scheme", "email", "footer", "iban", "id", "is_active", "language", "logo_id", "name", "number_prefix", "number_scope", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "region", "registration_number", "street", "tax_id", "time_zone", "updated_at", "vat_id", "version", "website") VALUES (NEW."bank_account_holder", NEW."bank_name", NEW."bic", NEW."city", NEW."contact_name", NEW."country", NEW."created_at", NEW."credit_note_prefix", NEW."currency", NEW."electronic_address", NEW."electronic_address_scheme", NEW."email", NEW."footer", NEW."iban", NEW."id", NEW."is_active", NEW."language", NEW."logo_id", NEW."name", NEW."number_prefix", NEW."number_scope", NEW."payment_terms_days", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."phone", NEW."postal_code", NEW."public_id", NEW."region", NEW."registration_number", NEW."street", NEW."tax_id", NEW."time_zone", NEW."updated_at", NEW."vat_id", NEW."version", NEW."website"); RETURN NULL;',
                    hash="53b05c6a8caaee3d370a5e6f8c6ad4d64d965b5e",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_49283",
                    table="crm_legalentity",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_legalentityevent" ("bank_account_holder", "bank_name", "bic", "city", "contact_name", "country", "created_at", "credit_note_prefix", "currency", "electronic_address", "electronic_address_scheme", "email", "footer", "iban", "id", "is_active", "language", "logo_id", "name", "number_prefix", "number_scope", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "region", "registration_number", "street", "tax_id", "time_zone", "updated_at", "vat_id", "version", "website") VALUES (NEW."bank_account_holder", NEW."bank_name", NEW."bic", NEW."city", NEW."contact_name", NEW."country", NEW."created_at", NEW."credit_note_prefix", NEW."currency", NEW."electronic_address", NEW."electronic_address_scheme", NEW."email", NEW."footer", NEW."iban", NEW."id", NEW."is_active", NEW."language", NEW."logo_id", NEW."name", NEW."number_prefix", NEW."number_scope", NEW."payment_terms_days", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."phone", NEW."postal_code", NEW."public_id", NEW."region", NEW."registration_number", NEW."street", NEW."tax_id", NEW."time_zone", NEW."updated_at", NEW."vat_id", NEW."version", NEW."website"); RETURN NULL;',
                    hash="9aedbd3a09afe39af25d180208facb46b6546fe4",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_27d33",
                    table="crm_legalentity",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_legalentityevent" ("bank_account_holder", "bank_name", "bic", "city", "contact_name", "country", "created_at", "credit_note_prefix", "currency", "electronic_address", "electronic_address_scheme", "email", "footer", "iban", "id", "is_active", "language", "logo_id", "name", "number_prefix", "number_scope", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "phone", "postal_code", "public_id", "region", "registration_number", "street", "tax_id", "time_zone", "updated_at", "vat_id", "version", "website") VALUES (OLD."bank_account_holder", OLD."bank_name", OLD."bic", OLD."city", OLD."contact_name", OLD."country", OLD."created_at", OLD."credit_note_prefix", OLD."currency", OLD."electronic_address", OLD."electronic_address_scheme", OLD."email", OLD."footer", OLD."iban", OLD."id", OLD."is_active", OLD."language", OLD."logo_id", OLD."name", OLD."number_prefix", OLD."number_scope", OLD."payment_terms_days", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."phone", OLD."postal_code", OLD."public_id", OLD."region", OLD."registration_number", OLD."street", OLD."tax_id", OLD."time_zone", OLD."updated_at", OLD."vat_id", OLD."version", OLD."website"); RETURN NULL;',
                    hash="39bd0d73d0079dec9ec7fa4206d8bb49dc558f08",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_34788",
                    table="crm_legalentity",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxcode",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_taxcodeevent" ("category", "code", "created_at", "exemption_code", "exemption_reason", "id", "is_active", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (NEW."category", NEW."code", NEW."created_at", NEW."exemption_code", NEW."exemption_reason", NEW."id", NEW."is_active", NEW."name", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="ccf8b63ca0cba6c1df5658d147564d7bfa72a09b",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_3ddeb",
                    table="crm_taxcode",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxcode",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_taxcodeevent" ("category", "code", "created_at", "exemption_code", "exemption_reason", "id", "is_active", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (NEW."category", NEW."code", NEW."created_at", NEW."exemption_code", NEW."exemption_reason", NEW."id", NEW."is_active", NEW."name", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="f3ca1e221ca058b749888c555ba8b68927ae6d7b",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_a59af",
                    table="crm_taxcode",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxcode",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_taxcodeevent" ("category", "code", "created_at", "exemption_code", "exemption_reason", "id", "is_active", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (OLD."category", OLD."code", OLD."created_at", OLD."exemption_code", OLD."exemption_reason", OLD."id", OLD."is_active", OLD."name", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="8668797efdf3bc6c549e71c446a0b095cce0edb0",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_d8769",
                    table="crm_taxcode",
                    when="AFTER",
                ),
            ),
        ),
        AddConstraintNotValid(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("invoice_format__in", ["auto", "facturx", "xrechnung", "pdf"])),
                name="crm_customer_format_known",
            ),
        ),
        AddConstraintNotValid(
            model_name="invoicedocument",
            constraint=models.CheckConstraint(
                condition=models.Q(("format__in", ["pdf", "xml"])), name="crm_document_format_known"
            ),
        ),
    ]
