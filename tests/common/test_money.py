"""Money: rounding half up in the currency's minor unit, and no float anywhere near it."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.db import models

from hashinsight.common.admin.display import figure_text, money_text
from hashinsight.common.money import CURRENCIES, exponent, round_money


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("0.005", "USD", "0.01"),
        ("-0.005", "USD", "-0.01"),
        ("2.675", "EUR", "2.68"),
        ("1.0049999", "EUR", "1.00"),
        ("0.5", "JPY", "1"),
        ("1.5", "JPY", "2"),
        ("2.5", "JPY", "3"),
        ("0.000000005", "BTC", "0.00000001"),
        ("0.0000000049", "BTC", "0.00000000"),
        ("9999999999999999.994", "USD", "9999999999999999.99"),
    ],
)
def test_amounts_are_rounded_half_up(amount: str, currency: str, rounded: str) -> None:
    assert format(round_money(Decimal(amount), currency), "f") == rounded


def test_an_unknown_currency_is_an_error() -> None:
    with pytest.raises(KeyError):
        exponent("XXX")


def test_every_currency_fits_the_columns() -> None:
    assert all(0 <= digits <= 8 for digits in CURRENCIES.values())


def test_no_model_of_the_commercial_truth_has_a_float() -> None:
    columns = [column for model in apps.get_app_config("crm").get_models() for column in model._meta.get_fields()]
    assert len(columns) > 200
    assert [str(column) for column in columns if isinstance(column, models.FloatField)] == []


def test_figures_that_were_only_reckoned_are_rounded_not_cut() -> None:
    assert (figure_text(Decimal("36.957"), "USD"), figure_text(Decimal("-0.005"), "USD")) == ("36.96", "-0.01")
    assert money_text(Decimal("1E+40"), "USD").endswith(",000.00\u00a0USD")
