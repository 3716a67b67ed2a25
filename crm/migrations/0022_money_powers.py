"""Powers over payments; one more currency on letters."""

from django.db import migrations

import hashinsight.common.money


class Migration(migrations.Migration):
    dependencies = [
        ("crm", "0021_settled_by_the_books"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="payment",
            options={
                "permissions": [
                    ("export_payment", "Can export payments"),
                    ("reverse_payment", "Can reverse mistyped payments"),
                    ("refund_payment", "Can refund payments"),
                ],
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
            },
        ),
        migrations.AlterField(
            model_name="dunningletter",
            name="currency",
            field=hashinsight.common.money.CurrencyField(
                choices=[
                    ("USD", "USD"),
                    ("EUR", "EUR"),
                    ("GBP", "GBP"),
                    ("CHF", "CHF"),
                    ("CAD", "CAD"),
                    ("AUD", "AUD"),
                    ("NOK", "NOK"),
                    ("SEK", "SEK"),
                    ("DKK", "DKK"),
                    ("PLN", "PLN"),
                    ("AED", "AED"),
                    ("SGD", "SGD"),
                    ("JPY", "JPY"),
                    ("KWD", "KWD"),
                    ("BTC", "BTC"),
                ],
                default="USD",
                max_length=3,
                verbose_name="currency",
            ),
        ),
        migrations.AlterField(
            model_name="dunningletterevent",
            name="currency",
            field=hashinsight.common.money.CurrencyField(
                choices=[
                    ("USD", "USD"),
                    ("EUR", "EUR"),
                    ("GBP", "GBP"),
                    ("CHF", "CHF"),
                    ("CAD", "CAD"),
                    ("AUD", "AUD"),
                    ("NOK", "NOK"),
                    ("SEK", "SEK"),
                    ("DKK", "DKK"),
                    ("PLN", "PLN"),
                    ("AED", "AED"),
                    ("SGD", "SGD"),
                    ("JPY", "JPY"),
                    ("KWD", "KWD"),
                    ("BTC", "BTC"),
                ],
                default="USD",
                max_length=3,
                verbose_name="currency",
            ),
        ),
    ]
