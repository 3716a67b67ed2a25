"""Powers of the back office that have a permission of their own: export and import."""

from django.db import migrations


class Migration(migrations.Migration):
    """No table changes."""

    dependencies = [
        ("crm", "0003_wall"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="customer",
            options={
                "permissions": [
                    ("access_customer", "Can see this customer's data as its client"),
                    ("administer_customer", "Can act for this customer as its client"),
                    ("change_customer_status", "Can activate and deactivate customers"),
                    ("export_customer", "Can export customers"),
                    ("import_customer", "Can import customers"),
                ],
                "verbose_name": "customer",
                "verbose_name_plural": "customers",
            },
        ),
        migrations.AlterModelOptions(
            name="deal",
            options={
                "permissions": [
                    ("move_deal", "Can change the stage of deals"),
                    ("approve_deal", "Can approve deals"),
                    ("sign_deal", "Can sign deals"),
                    ("complete_deal", "Can complete deals"),
                    ("cancel_deal", "Can cancel deals"),
                    ("export_deal", "Can export deals"),
                ],
                "verbose_name": "deal",
                "verbose_name_plural": "deals",
            },
        ),
        migrations.AlterModelOptions(
            name="lead",
            options={
                "permissions": [
                    ("convert_lead", "Can convert leads"),
                    ("move_lead", "Can change the status of leads"),
                    ("export_lead", "Can export leads"),
                    ("import_lead", "Can import leads"),
                ],
                "verbose_name": "lead",
                "verbose_name_plural": "leads",
            },
        ),
        migrations.AlterModelOptions(
            name="payment",
            options={
                "permissions": [("export_payment", "Can export payments")],
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
            },
        ),
        migrations.AlterModelOptions(
            name="product",
            options={
                "permissions": [("import_product", "Can import products")],
                "verbose_name": "product",
                "verbose_name_plural": "products",
            },
        ),
    ]
