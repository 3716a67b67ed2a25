"""Rows about the world are everybody's to read who is signed in; answers of sources and their state are the house's."""

from django.db import migrations

from hashinsight.common.rls import ClientPolicy

SHARED = (
    "NetworkSnapshot", "MarketDay", "TechnicalIndicator", "DifficultyPeriod", "PriceSeries", "PricePoint", "Coin",
    "CoinProfitability",
)  # fmt: skip


class Migration(migrations.Migration):
    """Row security: staff write, clients read."""

    dependencies = [("marketdata", "0001_initial")]

    operations = [ClientPolicy(name, "true") for name in SHARED]
