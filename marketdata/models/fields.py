"""Columns the market models share."""

from typing import Any, Self

from django.db import models

from hashinsight.common.scoping import ScopedQuerySet


class SharedQuerySet(ScopedQuerySet):
    """Rows about the world: whoever is signed in may see them all."""

    scope_path = "everybody's"  # no look-up: not empty, since rows without a way to a customer are the house's

    def of_customers(self, ids: Any) -> Self:
        """All of them; they are nobody's."""
        return self.all()


def usd(label: Any, **options: Any) -> Any:
    """An amount in USD per coin or so: early prices and hashprices need more places than money does."""
    return models.DecimalField(label, max_digits=20, decimal_places=8, **options)


def difficulty(label: Any, **options: Any) -> Any:
    """Raw difficulty (C-10), never in T."""
    return models.DecimalField(label, max_digits=30, decimal_places=8, **options)


def exahashes(label: Any, **options: Any) -> Any:
    """Hashrate of a network in EH/s; nine places, so that the first years are not zero."""
    return models.DecimalField(label, max_digits=24, decimal_places=12, **options)


def bitcoins(label: Any, **options: Any) -> Any:
    """Coins, to the satoshi."""
    return models.DecimalField(label, max_digits=20, decimal_places=8, **options)
