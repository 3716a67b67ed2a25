"""Kuwaiti dinar among the currencies."""

from django.db import migrations

import hashinsight.common.money


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0002_guard"),
    ]

    operations = [
        migrations.AlterField(
            model_name="approvalrequest",
            name="currency",
            field=hashinsight.common.money.CurrencyField(
                blank=True,
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
                default="",
                editable=False,
                max_length=3,
                verbose_name="currency",
            ),
        ),
        migrations.AlterField(
            model_name="approvalrequestevent",
            name="currency",
            field=hashinsight.common.money.CurrencyField(
                blank=True,
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
                default="",
                editable=False,
                max_length=3,
                verbose_name="currency",
            ),
        ),
    ]
