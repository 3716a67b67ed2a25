# ruff: noqa: E501  (generated triggers)
"""Settings of accounting programs and exports to them; invoices and deposits brought along from another system."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import crm.models.fields
import hashinsight.common.ids
import hashinsight.common.money


class Migration(migrations.Migration):
    """Tables, columns and choices; their guards and proofs follow in the next migration."""

    dependencies = [
        ("crm", "0022_money_powers"),
        ("pghistory", "0007_auto_20250421_0444"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountingExport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id,
                        editable=False,
                        unique=True,
                        verbose_name="public id",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("documents", "documents (PDF and XML, ZIP)"),
                            ("journal_csv", "journal (CSV)"),
                            ("journal_xlsx", "journal (XLSX)"),
                            ("datev", "DATEV (posting batch)"),
                            ("xero", "Xero (sales invoices)"),
                            ("quickbooks", "QuickBooks Online (invoices)"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("first_month", models.DateField(verbose_name="first month")),
                ("last_month", models.DateField(verbose_name="last month")),
                ("is_provisional", models.BooleanField(default=False, verbose_name="provisional")),
                ("file_name", models.CharField(max_length=120, verbose_name="file name")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("size", models.PositiveBigIntegerField(verbose_name="size in bytes")),
                ("row_count", models.PositiveIntegerField(verbose_name="rows")),
                ("sums", models.JSONField(default=dict, verbose_name="sums")),
                ("notes", models.JSONField(blank=True, default=list, verbose_name="notes")),
                (
                    "mapping",
                    models.CharField(blank=True, default="", max_length=64, verbose_name="fingerprint of the mapping"),
                ),
                ("state_of", models.DateTimeField(help_text="The moment the file speaks of.", verbose_name="state of")),
                ("content", models.BinaryField(null=True, verbose_name="content")),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="made at")),
            ],
            options={
                "verbose_name": "export for accounting",
                "verbose_name_plural": "exports for accounting",
                "permissions": [("make_accountingexport", "Can make and fetch exports for accounting")],
            },
        ),
        migrations.CreateModel(
            name="AccountingExportEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id, editable=False, verbose_name="public id"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("documents", "documents (PDF and XML, ZIP)"),
                            ("journal_csv", "journal (CSV)"),
                            ("journal_xlsx", "journal (XLSX)"),
                            ("datev", "DATEV (posting batch)"),
                            ("xero", "Xero (sales invoices)"),
                            ("quickbooks", "QuickBooks Online (invoices)"),
                        ],
                        max_length=20,
                        verbose_name="kind",
                    ),
                ),
                ("first_month", models.DateField(verbose_name="first month")),
                ("last_month", models.DateField(verbose_name="last month")),
                ("is_provisional", models.BooleanField(default=False, verbose_name="provisional")),
                ("file_name", models.CharField(max_length=120, verbose_name="file name")),
                ("sha256", models.CharField(max_length=64, verbose_name="SHA-256")),
                ("size", models.PositiveBigIntegerField(verbose_name="size in bytes")),
                ("row_count", models.PositiveIntegerField(verbose_name="rows")),
                ("sums", models.JSONField(default=dict, verbose_name="sums")),
                ("notes", models.JSONField(blank=True, default=list, verbose_name="notes")),
                (
                    "mapping",
                    models.CharField(blank=True, default="", max_length=64, verbose_name="fingerprint of the mapping"),
                ),
                ("state_of", models.DateTimeField(help_text="The moment the file speaks of.", verbose_name="state of")),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="made at")),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="AccountingSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id,
                        editable=False,
                        unique=True,
                        verbose_name="public id",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "consultant_number",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Given by the tax adviser; 1001 to 9999999.",
                        max_length=7,
                        validators=[django.core.validators.RegexValidator("^[0-9]+$", "Use digits only.")],
                        verbose_name="DATEV consultant number",
                    ),
                ),
                (
                    "client_number",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Given by the tax adviser; 1 to 99999.",
                        max_length=5,
                        validators=[django.core.validators.RegexValidator("^[0-9]+$", "Use digits only.")],
                        verbose_name="DATEV client number",
                    ),
                ),
                (
                    "account_length",
                    models.PositiveSmallIntegerField(
                        default=4,
                        help_text="Numbers of customers have one digit more.",
                        validators=[
                            django.core.validators.MinValueValidator(4),
                            django.core.validators.MaxValueValidator(8),
                        ],
                        verbose_name="digits of a ledger account",
                    ),
                ),
                (
                    "datev_no_tax_key",
                    models.CharField(
                        blank=True,
                        default="40",
                        help_text="Used where tax is booked by itself, because DATEV would round it otherwise.",
                        max_length=4,
                        validators=[
                            django.core.validators.RegexValidator("^[0-9]{1,4}$", "A tax key has one to four digits.")
                        ],
                        verbose_name="DATEV key that suspends automatic tax",
                    ),
                ),
                (
                    "year_start_month",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(12),
                        ],
                        verbose_name="first month of the fiscal year",
                    ),
                ),
                (
                    "first_debtor_number",
                    models.PositiveIntegerField(
                        default=10000,
                        help_text="Numbers are given out from here upwards.",
                        verbose_name="first number for customers",
                    ),
                ),
                (
                    "date_order",
                    models.CharField(
                        choices=[("dmy", "day/month/year"), ("mdy", "month/day/year")],
                        default="dmy",
                        max_length=3,
                        verbose_name="dates in files for Xero and QuickBooks",
                    ),
                ),
            ],
            options={
                "verbose_name": "accounting settings",
                "verbose_name_plural": "accounting settings",
            },
        ),
        migrations.CreateModel(
            name="AccountingSettingsEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id, editable=False, verbose_name="public id"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "consultant_number",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Given by the tax adviser; 1001 to 9999999.",
                        max_length=7,
                        validators=[django.core.validators.RegexValidator("^[0-9]+$", "Use digits only.")],
                        verbose_name="DATEV consultant number",
                    ),
                ),
                (
                    "client_number",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Given by the tax adviser; 1 to 99999.",
                        max_length=5,
                        validators=[django.core.validators.RegexValidator("^[0-9]+$", "Use digits only.")],
                        verbose_name="DATEV client number",
                    ),
                ),
                (
                    "account_length",
                    models.PositiveSmallIntegerField(
                        default=4,
                        help_text="Numbers of customers have one digit more.",
                        validators=[
                            django.core.validators.MinValueValidator(4),
                            django.core.validators.MaxValueValidator(8),
                        ],
                        verbose_name="digits of a ledger account",
                    ),
                ),
                (
                    "datev_no_tax_key",
                    models.CharField(
                        blank=True,
                        default="40",
                        help_text="Used where tax is booked by itself, because DATEV would round it otherwise.",
                        max_length=4,
                        validators=[
                            django.core.validators.RegexValidator("^[0-9]{1,4}$", "A tax key has one to four digits.")
                        ],
                        verbose_name="DATEV key that suspends automatic tax",
                    ),
                ),
                (
                    "year_start_month",
                    models.PositiveSmallIntegerField(
                        default=1,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(12),
                        ],
                        verbose_name="first month of the fiscal year",
                    ),
                ),
                (
                    "first_debtor_number",
                    models.PositiveIntegerField(
                        default=10000,
                        help_text="Numbers are given out from here upwards.",
                        verbose_name="first number for customers",
                    ),
                ),
                (
                    "date_order",
                    models.CharField(
                        choices=[("dmy", "day/month/year"), ("mdy", "month/day/year")],
                        default="dmy",
                        max_length=3,
                        verbose_name="dates in files for Xero and QuickBooks",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="DebtorNumber",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id,
                        editable=False,
                        unique=True,
                        verbose_name="public id",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "number",
                    models.CharField(
                        max_length=9,
                        validators=[django.core.validators.RegexValidator("^[0-9]+$", "Use digits only.")],
                        verbose_name="debtor number",
                    ),
                ),
            ],
            options={
                "verbose_name": "debtor number",
                "verbose_name_plural": "debtor numbers",
            },
        ),
        migrations.CreateModel(
            name="DebtorNumberEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id, editable=False, verbose_name="public id"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "number",
                    models.CharField(
                        max_length=9,
                        validators=[django.core.validators.RegexValidator("^[0-9]+$", "Use digits only.")],
                        verbose_name="debtor number",
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="TaxKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id,
                        editable=False,
                        unique=True,
                        verbose_name="public id",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "tax_category",
                    models.CharField(
                        choices=[
                            ("S", "standard rate"),
                            ("Z", "zero rated"),
                            ("E", "exempt from tax"),
                            ("AE", "reverse charge"),
                            ("K", "supply to another EU country"),
                            ("G", "export outside the EU"),
                            ("O", "not subject to tax"),
                        ],
                        max_length=2,
                        verbose_name="tax category",
                    ),
                ),
                (
                    "tax_rate",
                    models.DecimalField(decimal_places=3, default=0, max_digits=6, verbose_name="tax rate (%)"),
                ),
                (
                    "datev_key",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="For example 3 for 19 %, 2 for 7 %; empty: the account computes the tax by itself, or there is none.",
                        max_length=4,
                        validators=[
                            django.core.validators.RegexValidator("^[0-9]{1,4}$", "A tax key has one to four digits.")
                        ],
                        verbose_name="DATEV tax key",
                    ),
                ),
                (
                    "xero_tax_type",
                    crm.models.fields.NameField(
                        blank=True,
                        default="",
                        help_text="Exactly as it stands in Xero.",
                        max_length=60,
                        verbose_name="tax name in Xero",
                    ),
                ),
                (
                    "quickbooks_tax_code",
                    crm.models.fields.NameField(
                        blank=True, default="", max_length=60, verbose_name="tax code in QuickBooks"
                    ),
                ),
            ],
            options={
                "verbose_name": "tax key",
                "verbose_name_plural": "tax keys",
            },
        ),
        migrations.CreateModel(
            name="TaxKeyEvent",
            fields=[
                ("pgh_id", models.AutoField(primary_key=True, serialize=False)),
                ("pgh_created_at", models.DateTimeField(auto_now_add=True)),
                ("pgh_label", models.TextField(help_text="The event label.")),
                ("id", models.BigIntegerField()),
                (
                    "public_id",
                    models.UUIDField(
                        default=hashinsight.common.ids.new_public_id, editable=False, verbose_name="public id"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="updated at"),
                ),
                ("version", models.PositiveIntegerField(default=1, editable=False, verbose_name="version")),
                (
                    "tax_category",
                    models.CharField(
                        choices=[
                            ("S", "standard rate"),
                            ("Z", "zero rated"),
                            ("E", "exempt from tax"),
                            ("AE", "reverse charge"),
                            ("K", "supply to another EU country"),
                            ("G", "export outside the EU"),
                            ("O", "not subject to tax"),
                        ],
                        max_length=2,
                        verbose_name="tax category",
                    ),
                ),
                (
                    "tax_rate",
                    models.DecimalField(decimal_places=3, default=0, max_digits=6, verbose_name="tax rate (%)"),
                ),
                (
                    "datev_key",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="For example 3 for 19 %, 2 for 7 %; empty: the account computes the tax by itself, or there is none.",
                        max_length=4,
                        validators=[
                            django.core.validators.RegexValidator("^[0-9]{1,4}$", "A tax key has one to four digits.")
                        ],
                        verbose_name="DATEV tax key",
                    ),
                ),
                (
                    "xero_tax_type",
                    crm.models.fields.NameField(
                        blank=True,
                        default="",
                        help_text="Exactly as it stands in Xero.",
                        max_length=60,
                        verbose_name="tax name in Xero",
                    ),
                ),
                (
                    "quickbooks_tax_code",
                    crm.models.fields.NameField(
                        blank=True, default="", max_length=60, verbose_name="tax code in QuickBooks"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoice",
            name="insert_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoice",
            name="update_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="invoice",
            name="delete_delete",
        ),
        migrations.AddField(
            model_name="invoice",
            name="former_total",
            field=hashinsight.common.money.MoneyField(
                blank=True,
                decimal_places=8,
                editable=False,
                help_text="Of an invoice brought along; what was still open then is its total here.",
                max_digits=24,
                null=True,
                verbose_name="total in the former system",
            ),
        ),
        migrations.AddField(
            model_name="invoiceevent",
            name="former_total",
            field=hashinsight.common.money.MoneyField(
                blank=True,
                decimal_places=8,
                editable=False,
                help_text="Of an invoice brought along; what was still open then is its total here.",
                max_digits=24,
                null=True,
                verbose_name="total in the former system",
            ),
        ),
        migrations.AlterField(
            model_name="customercredit",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deposit", "deposit"),
                    ("overpayment", "overpayment"),
                    ("credit_note", "credit note after payment"),
                    ("opening", "opening balance"),
                    ("opening_deposit", "deposit brought along"),
                ],
                max_length=16,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="customercreditevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deposit", "deposit"),
                    ("overpayment", "overpayment"),
                    ("credit_note", "credit note after payment"),
                    ("opening", "opening balance"),
                    ("opening_deposit", "deposit brought along"),
                ],
                max_length=16,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="invoice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deal", "invoice for a deal"),
                    ("usage", "invoice for usage"),
                    ("credit_note", "credit note"),
                    ("opening", "invoice brought along"),
                ],
                default="deal",
                max_length=16,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="invoiceevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("deal", "invoice for a deal"),
                    ("usage", "invoice for usage"),
                    ("credit_note", "credit note"),
                    ("opening", "invoice brought along"),
                ],
                default="deal",
                max_length=16,
                verbose_name="kind",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_invoiceevent" ("buyer", "buyer_reference", "cancel_reason", "corrects_id", "created_at", "currency", "customer_id", "deal_id", "due_on", "former_total", "gross_total", "id", "is_sample", "issued_on", "kind", "language", "legal_entity_id", "net_total", "note", "number", "paid_on", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "reference", "seller", "service_from", "service_to", "status", "tax_total", "updated_at", "version") VALUES (NEW."buyer", NEW."buyer_reference", NEW."cancel_reason", NEW."corrects_id", NEW."created_at", NEW."currency", NEW."customer_id", NEW."deal_id", NEW."due_on", NEW."former_total", NEW."gross_total", NEW."id", NEW."is_sample", NEW."issued_on", NEW."kind", NEW."language", NEW."legal_entity_id", NEW."net_total", NEW."note", NEW."number", NEW."paid_on", NEW."payment_terms_days", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."reference", NEW."seller", NEW."service_from", NEW."service_to", NEW."status", NEW."tax_total", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="3bb0cbc7f44a082054048f489b5ab5b05c49c9a7",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_ecbcb",
                    table="crm_invoice",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_invoiceevent" ("buyer", "buyer_reference", "cancel_reason", "corrects_id", "created_at", "currency", "customer_id", "deal_id", "due_on", "former_total", "gross_total", "id", "is_sample", "issued_on", "kind", "language", "legal_entity_id", "net_total", "note", "number", "paid_on", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "reference", "seller", "service_from", "service_to", "status", "tax_total", "updated_at", "version") VALUES (NEW."buyer", NEW."buyer_reference", NEW."cancel_reason", NEW."corrects_id", NEW."created_at", NEW."currency", NEW."customer_id", NEW."deal_id", NEW."due_on", NEW."former_total", NEW."gross_total", NEW."id", NEW."is_sample", NEW."issued_on", NEW."kind", NEW."language", NEW."legal_entity_id", NEW."net_total", NEW."note", NEW."number", NEW."paid_on", NEW."payment_terms_days", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."reference", NEW."seller", NEW."service_from", NEW."service_to", NEW."status", NEW."tax_total", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="daa1b4fee6dc83dc4f06a74a94291bbde5832786",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_84930",
                    table="crm_invoice",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="invoice",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_invoiceevent" ("buyer", "buyer_reference", "cancel_reason", "corrects_id", "created_at", "currency", "customer_id", "deal_id", "due_on", "former_total", "gross_total", "id", "is_sample", "issued_on", "kind", "language", "legal_entity_id", "net_total", "note", "number", "paid_on", "payment_terms_days", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "reference", "seller", "service_from", "service_to", "status", "tax_total", "updated_at", "version") VALUES (OLD."buyer", OLD."buyer_reference", OLD."cancel_reason", OLD."corrects_id", OLD."created_at", OLD."currency", OLD."customer_id", OLD."deal_id", OLD."due_on", OLD."former_total", OLD."gross_total", OLD."id", OLD."is_sample", OLD."issued_on", OLD."kind", OLD."language", OLD."legal_entity_id", OLD."net_total", OLD."note", OLD."number", OLD."paid_on", OLD."payment_terms_days", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."reference", OLD."seller", OLD."service_from", OLD."service_to", OLD."status", OLD."tax_total", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="b1f9eeb74fe782a949148b5959576760620bc43b",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_56947",
                    table="crm_invoice",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="accountingexport",
            name="legal_entity",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="accountingexport",
            name="made_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="made by",
            ),
        ),
        migrations.AddField(
            model_name="accountingexportevent",
            name="legal_entity",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="accountingexportevent",
            name="made_by",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="made by",
            ),
        ),
        migrations.AddField(
            model_name="accountingexportevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="accountingexportevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="crm.accountingexport",
            ),
        ),
        migrations.AddField(
            model_name="accountingsettings",
            name="legal_entity",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="accounting",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="accountingsettingsevent",
            name="legal_entity",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="accountingsettingsevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="accountingsettingsevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="crm.accountingsettings",
            ),
        ),
        migrations.AddField(
            model_name="debtornumber",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="crm.customer",
                verbose_name="customer",
            ),
        ),
        migrations.AddField(
            model_name="debtornumber",
            name="legal_entity",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="debtor_numbers",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="debtornumberevent",
            name="customer",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.customer",
                verbose_name="customer",
            ),
        ),
        migrations.AddField(
            model_name="debtornumberevent",
            name="legal_entity",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="debtornumberevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="debtornumberevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="crm.debtornumber",
            ),
        ),
        migrations.AddField(
            model_name="taxkey",
            name="legal_entity",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="tax_keys",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="taxkeyevent",
            name="legal_entity",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                related_query_name="+",
                to="crm.legalentity",
                verbose_name="legal entity",
            ),
        ),
        migrations.AddField(
            model_name="taxkeyevent",
            name="pgh_context",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="pghistory.context",
            ),
        ),
        migrations.AddField(
            model_name="taxkeyevent",
            name="pgh_obj",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="events",
                to="crm.taxkey",
            ),
        ),
        migrations.AddIndex(
            model_name="accountingexport",
            index=models.Index(fields=["-created_at", "-id"], name="crm_accountingexport_newest"),
        ),
        migrations.AddConstraint(
            model_name="accountingexport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["documents", "journal_csv", "journal_xlsx", "datev", "xero", "quickbooks"])
                ),
                name="crm_accountingexport_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="accountingexport",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_month__gte", models.F("first_month"))), name="crm_accountingexport_months"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountingexport",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("content__isnull", True), ("kind", "documents")),
                    models.Q(models.Q(("kind", "documents"), _negated=True), ("content__isnull", False)),
                    _connector="OR",
                ),
                name="crm_accountingexport_content",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingexport",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."file_name" IS DISTINCT FROM (NEW."file_name") OR OLD."first_month" IS DISTINCT FROM (NEW."first_month") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_provisional" IS DISTINCT FROM (NEW."is_provisional") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."last_month" IS DISTINCT FROM (NEW."last_month") OR OLD."legal_entity_id" IS DISTINCT FROM (NEW."legal_entity_id") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at") OR OLD."made_by_id" IS DISTINCT FROM (NEW."made_by_id") OR OLD."mapping" IS DISTINCT FROM (NEW."mapping") OR OLD."notes" IS DISTINCT FROM (NEW."notes") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."row_count" IS DISTINCT FROM (NEW."row_count") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."state_of" IS DISTINCT FROM (NEW."state_of") OR OLD."sums" IS DISTINCT FROM (NEW."sums") OR OLD."updated_at" IS DISTINCT FROM (NEW."updated_at") OR OLD."version" IS DISTINCT FROM (NEW."version"))',
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="48ed81234594588f047b44ae2ee508d7dc44ed1f",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_ea8e9",
                    table="crm_accountingexport",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingexport",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_accountingexportevent" ("created_at", "file_name", "first_month", "id", "is_provisional", "kind", "last_month", "legal_entity_id", "made_at", "made_by_id", "mapping", "notes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "row_count", "sha256", "size", "state_of", "sums", "updated_at", "version") VALUES (NEW."created_at", NEW."file_name", NEW."first_month", NEW."id", NEW."is_provisional", NEW."kind", NEW."last_month", NEW."legal_entity_id", NEW."made_at", NEW."made_by_id", NEW."mapping", NEW."notes", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."row_count", NEW."sha256", NEW."size", NEW."state_of", NEW."sums", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="84f5a4644dd959937fc4af9ca61bedf7c4be2763",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_ec01f",
                    table="crm_accountingexport",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingexport",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."file_name" IS DISTINCT FROM (NEW."file_name") OR OLD."first_month" IS DISTINCT FROM (NEW."first_month") OR OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."is_provisional" IS DISTINCT FROM (NEW."is_provisional") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."last_month" IS DISTINCT FROM (NEW."last_month") OR OLD."legal_entity_id" IS DISTINCT FROM (NEW."legal_entity_id") OR OLD."made_at" IS DISTINCT FROM (NEW."made_at") OR OLD."made_by_id" IS DISTINCT FROM (NEW."made_by_id") OR OLD."mapping" IS DISTINCT FROM (NEW."mapping") OR OLD."notes" IS DISTINCT FROM (NEW."notes") OR OLD."public_id" IS DISTINCT FROM (NEW."public_id") OR OLD."row_count" IS DISTINCT FROM (NEW."row_count") OR OLD."sha256" IS DISTINCT FROM (NEW."sha256") OR OLD."size" IS DISTINCT FROM (NEW."size") OR OLD."state_of" IS DISTINCT FROM (NEW."state_of") OR OLD."sums" IS DISTINCT FROM (NEW."sums") OR OLD."updated_at" IS DISTINCT FROM (NEW."updated_at") OR OLD."version" IS DISTINCT FROM (NEW."version"))',
                    func='INSERT INTO "crm_accountingexportevent" ("created_at", "file_name", "first_month", "id", "is_provisional", "kind", "last_month", "legal_entity_id", "made_at", "made_by_id", "mapping", "notes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "row_count", "sha256", "size", "state_of", "sums", "updated_at", "version") VALUES (NEW."created_at", NEW."file_name", NEW."first_month", NEW."id", NEW."is_provisional", NEW."kind", NEW."last_month", NEW."legal_entity_id", NEW."made_at", NEW."made_by_id", NEW."mapping", NEW."notes", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."row_count", NEW."sha256", NEW."size", NEW."state_of", NEW."sums", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="62955f083a5c9a7f35712fbe1dfabfa17442d969",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_f2c1e",
                    table="crm_accountingexport",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingexport",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_accountingexportevent" ("created_at", "file_name", "first_month", "id", "is_provisional", "kind", "last_month", "legal_entity_id", "made_at", "made_by_id", "mapping", "notes", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "row_count", "sha256", "size", "state_of", "sums", "updated_at", "version") VALUES (OLD."created_at", OLD."file_name", OLD."first_month", OLD."id", OLD."is_provisional", OLD."kind", OLD."last_month", OLD."legal_entity_id", OLD."made_at", OLD."made_by_id", OLD."mapping", OLD."notes", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."row_count", OLD."sha256", OLD."size", OLD."state_of", OLD."sums", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="afcd01a1e54e0b2957270396285983eda2a82382",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_a4536",
                    table="crm_accountingexport",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingexportevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="e0945c8b60c57e2e9b6db67d554e4e817d3349be",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_3f30f",
                    table="crm_accountingexportevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="accountingsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("account_length__range", (4, 8))), name="crm_accountingsettings_length"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountingsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("year_start_month__range", (1, 12))), name="crm_accountingsettings_month"
            ),
        ),
        migrations.AddConstraint(
            model_name="accountingsettings",
            constraint=models.CheckConstraint(
                condition=models.Q(("date_order__in", ["dmy", "mdy"])), name="crm_accountingsettings_dates"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingsettings",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="8e8ac0938a68aefa69b5e7da3865983f75e8a865",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_fd15d",
                    table="crm_accountingsettings",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingsettings",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_accountingsettingsevent" ("account_length", "client_number", "consultant_number", "created_at", "date_order", "datev_no_tax_key", "first_debtor_number", "id", "legal_entity_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version", "year_start_month") VALUES (NEW."account_length", NEW."client_number", NEW."consultant_number", NEW."created_at", NEW."date_order", NEW."datev_no_tax_key", NEW."first_debtor_number", NEW."id", NEW."legal_entity_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version", NEW."year_start_month"); RETURN NULL;',
                    hash="c008c771a2804552a0d414456ade253a97697f33",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_47169",
                    table="crm_accountingsettings",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingsettings",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_accountingsettingsevent" ("account_length", "client_number", "consultant_number", "created_at", "date_order", "datev_no_tax_key", "first_debtor_number", "id", "legal_entity_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version", "year_start_month") VALUES (NEW."account_length", NEW."client_number", NEW."consultant_number", NEW."created_at", NEW."date_order", NEW."datev_no_tax_key", NEW."first_debtor_number", NEW."id", NEW."legal_entity_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version", NEW."year_start_month"); RETURN NULL;',
                    hash="fe7671d2ed21b9d9d3cbe9949783be546bb852b1",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_dfdac",
                    table="crm_accountingsettings",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingsettings",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_accountingsettingsevent" ("account_length", "client_number", "consultant_number", "created_at", "date_order", "datev_no_tax_key", "first_debtor_number", "id", "legal_entity_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version", "year_start_month") VALUES (OLD."account_length", OLD."client_number", OLD."consultant_number", OLD."created_at", OLD."date_order", OLD."datev_no_tax_key", OLD."first_debtor_number", OLD."id", OLD."legal_entity_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."updated_at", OLD."version", OLD."year_start_month"); RETURN NULL;',
                    hash="d49a8191dfe33bc76ab9b4145fdd5f705c2ca655",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_2e835",
                    table="crm_accountingsettings",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accountingsettingsevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="7367fb622d85ade1070b93f325e2bb030c0d6fc2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_79175",
                    table="crm_accountingsettingsevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="debtornumber",
            constraint=models.UniqueConstraint(
                fields=("legal_entity", "customer"),
                name="crm_debtornumber_customer",
                violation_error_message="This customer has a debtor number already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="debtornumber",
            constraint=models.UniqueConstraint(
                fields=("legal_entity", "number"),
                name="crm_debtornumber_number",
                violation_error_message="Another customer has this debtor number.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="debtornumber",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="1113bf892ad222cf26a3334cf28d01f4e201759f",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_76b6a",
                    table="crm_debtornumber",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="debtornumber",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_debtornumberevent" ("created_at", "customer_id", "id", "legal_entity_id", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (NEW."created_at", NEW."customer_id", NEW."id", NEW."legal_entity_id", NEW."number", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="0dd9fdde61128f5bbd10638788af2e352ed09f01",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_d5984",
                    table="crm_debtornumber",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="debtornumber",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_debtornumberevent" ("created_at", "customer_id", "id", "legal_entity_id", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (NEW."created_at", NEW."customer_id", NEW."id", NEW."legal_entity_id", NEW."number", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."updated_at", NEW."version"); RETURN NULL;',
                    hash="4b740c831980f98c88e02df24aa349fb25be2d76",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_1aa6a",
                    table="crm_debtornumber",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="debtornumber",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_debtornumberevent" ("created_at", "customer_id", "id", "legal_entity_id", "number", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "updated_at", "version") VALUES (OLD."created_at", OLD."customer_id", OLD."id", OLD."legal_entity_id", OLD."number", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."updated_at", OLD."version"); RETURN NULL;',
                    hash="9a72e19fbf60d28a7fa1a9cc6c460b951e9f0039",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_458d1",
                    table="crm_debtornumber",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="debtornumberevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="4c4c7652d26a3c637c7bee6a3c2d6dc4e3ab8b20",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_ee9f7",
                    table="crm_debtornumberevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="taxkey",
            constraint=models.UniqueConstraint(
                fields=("legal_entity", "tax_category", "tax_rate"),
                name="crm_taxkey_once",
                violation_error_message="There is a tax key for this category and rate already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxkey",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_category__in", ["S", "Z", "E", "AE", "K", "G", "O"])),
                name="crm_taxkey_category_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="taxkey",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate__range", (0, 100))), name="crm_taxkey_rate"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxkey",
            trigger=pgtrigger.compiler.Trigger(
                name="bump_version",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func="NEW.version = OLD.version + 1; NEW.updated_at = clock_timestamp(); RETURN NEW;",
                    hash="38203adf0f63a371638a7158b821d8fadb9a0da9",
                    operation="UPDATE",
                    pgid="pgtrigger_bump_version_09280",
                    table="crm_taxkey",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxkey",
            trigger=pgtrigger.compiler.Trigger(
                name="insert_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_taxkeyevent" ("created_at", "datev_key", "id", "legal_entity_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "quickbooks_tax_code", "tax_category", "tax_rate", "updated_at", "version", "xero_tax_type") VALUES (NEW."created_at", NEW."datev_key", NEW."id", NEW."legal_entity_id", _pgh_attach_context(), NOW(), \'insert\', NEW."id", NEW."public_id", NEW."quickbooks_tax_code", NEW."tax_category", NEW."tax_rate", NEW."updated_at", NEW."version", NEW."xero_tax_type"); RETURN NULL;',
                    hash="d46b92ef1e505e7f7029a1f735dac50e4633e3e6",
                    operation="INSERT",
                    pgid="pgtrigger_insert_insert_c02bc",
                    table="crm_taxkey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxkey",
            trigger=pgtrigger.compiler.Trigger(
                name="update_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.* IS DISTINCT FROM NEW.*)",
                    func='INSERT INTO "crm_taxkeyevent" ("created_at", "datev_key", "id", "legal_entity_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "quickbooks_tax_code", "tax_category", "tax_rate", "updated_at", "version", "xero_tax_type") VALUES (NEW."created_at", NEW."datev_key", NEW."id", NEW."legal_entity_id", _pgh_attach_context(), NOW(), \'update\', NEW."id", NEW."public_id", NEW."quickbooks_tax_code", NEW."tax_category", NEW."tax_rate", NEW."updated_at", NEW."version", NEW."xero_tax_type"); RETURN NULL;',
                    hash="ba6d182c49cc3b8396503edd17afb75f98574f06",
                    operation="UPDATE",
                    pgid="pgtrigger_update_update_79b5b",
                    table="crm_taxkey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxkey",
            trigger=pgtrigger.compiler.Trigger(
                name="delete_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func='INSERT INTO "crm_taxkeyevent" ("created_at", "datev_key", "id", "legal_entity_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "public_id", "quickbooks_tax_code", "tax_category", "tax_rate", "updated_at", "version", "xero_tax_type") VALUES (OLD."created_at", OLD."datev_key", OLD."id", OLD."legal_entity_id", _pgh_attach_context(), NOW(), \'delete\', OLD."id", OLD."public_id", OLD."quickbooks_tax_code", OLD."tax_category", OLD."tax_rate", OLD."updated_at", OLD."version", OLD."xero_tax_type"); RETURN NULL;',
                    hash="4c208196d88e19c034bfe4cd07b1b9d29153fb72",
                    operation="DELETE",
                    pgid="pgtrigger_delete_delete_4e71d",
                    table="crm_taxkey",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="taxkeyevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="65eea9a96a4574c0a27653f067fb9b9cdd319ea6",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_0ee27",
                    table="crm_taxkeyevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE crm_invoice DROP CONSTRAINT crm_invoice_kind_known;ALTER TABLE crm_invoice ADD CONSTRAINT crm_invoice_kind_known CHECK (kind IN ('deal', 'usage', 'credit_note', 'opening')) NOT VALID",
                    "ALTER TABLE crm_invoice DROP CONSTRAINT crm_invoice_kind_known;ALTER TABLE crm_invoice ADD CONSTRAINT crm_invoice_kind_known CHECK (kind IN ('deal', 'usage', 'credit_note')) NOT VALID",
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="invoice",
                    name="crm_invoice_kind_known",
                ),
                migrations.AddConstraint(
                    model_name="invoice",
                    constraint=models.CheckConstraint(
                        condition=models.Q(("kind__in", ["deal", "usage", "credit_note", "opening"])),
                        name="crm_invoice_kind_known",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE crm_invoice DROP CONSTRAINT crm_invoice_has_cause;ALTER TABLE crm_invoice ADD CONSTRAINT crm_invoice_has_cause CHECK (deal_id IS NOT NULL OR corrects_id IS NOT NULL OR kind = 'opening') NOT VALID",
                    "ALTER TABLE crm_invoice DROP CONSTRAINT crm_invoice_has_cause;ALTER TABLE crm_invoice ADD CONSTRAINT crm_invoice_has_cause CHECK (deal_id IS NOT NULL OR corrects_id IS NOT NULL) NOT VALID",
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="invoice",
                    name="crm_invoice_has_cause",
                ),
                migrations.AddConstraint(
                    model_name="invoice",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("deal__isnull", False), ("corrects__isnull", False), ("kind", "opening"), _connector="OR"
                        ),
                        name="crm_invoice_has_cause",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE crm_invoice ADD CONSTRAINT crm_invoice_former_total CHECK ((kind = 'opening' AND former_total IS NOT NULL AND former_total >= gross_total) OR (kind <> 'opening' AND former_total IS NULL)) NOT VALID",
                    "ALTER TABLE crm_invoice DROP CONSTRAINT crm_invoice_former_total;",
                )
            ],
            state_operations=[
                migrations.AddConstraint(
                    model_name="invoice",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("former_total__gte", models.F("gross_total")),
                                ("former_total__isnull", False),
                                ("kind", "opening"),
                            ),
                            models.Q(models.Q(("kind", "opening"), _negated=True), ("former_total__isnull", True)),
                            _connector="OR",
                        ),
                        name="crm_invoice_former_total",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE crm_customercredit DROP CONSTRAINT crm_customercredit_origin;ALTER TABLE crm_customercredit ADD CONSTRAINT crm_customercredit_origin CHECK ((kind IN ('deposit', 'opening', 'opening_deposit') AND invoice_id IS NULL AND payment_id IS NULL AND credit_note_id IS NULL) OR (kind = 'overpayment' AND invoice_id IS NOT NULL AND payment_id IS NOT NULL AND credit_note_id IS NULL) OR (kind = 'credit_note' AND invoice_id IS NOT NULL AND payment_id IS NULL AND credit_note_id IS NOT NULL)) NOT VALID",
                    "ALTER TABLE crm_customercredit DROP CONSTRAINT crm_customercredit_origin;ALTER TABLE crm_customercredit ADD CONSTRAINT crm_customercredit_origin CHECK ((kind IN ('deposit', 'opening') AND invoice_id IS NULL AND payment_id IS NULL AND credit_note_id IS NULL) OR (kind = 'overpayment' AND invoice_id IS NOT NULL AND payment_id IS NOT NULL AND credit_note_id IS NULL) OR (kind = 'credit_note' AND invoice_id IS NOT NULL AND payment_id IS NULL AND credit_note_id IS NOT NULL)) NOT VALID",
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="customercredit",
                    name="crm_customercredit_origin",
                ),
                migrations.AddConstraint(
                    model_name="customercredit",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("credit_note", None),
                                ("invoice", None),
                                ("kind__in", ["deposit", "opening", "opening_deposit"]),
                                ("payment", None),
                            ),
                            models.Q(
                                ("credit_note", None),
                                ("invoice__isnull", False),
                                ("kind", "overpayment"),
                                ("payment__isnull", False),
                            ),
                            models.Q(
                                ("credit_note__isnull", False),
                                ("invoice__isnull", False),
                                ("kind", "credit_note"),
                                ("payment", None),
                            ),
                            _connector="OR",
                        ),
                        name="crm_customercredit_origin",
                    ),
                ),
            ],
        ),
    ]
