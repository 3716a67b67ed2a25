"""What T5 asks of the documents after each step: the product's own queries, written once and then only asked again.

Django takes longer to write such a query, and PostgreSQL longer to plan it, than to answer it: at 100,000 steps that
is an hour. So each is compiled once, and prepared on its connection.
"""

from decimal import Decimal
from functools import cache
from typing import Any

import psycopg
from django.db import connection, models
from django.db.models.functions import Coalesce

from crm.models import CustomerCredit, Invoice, Payment, Refund

NOBODY = -7_310_901  # stands for the customer until the question is asked


def documents() -> Any:
    """What is still owed on each invoice, and the sums that must never be below zero."""
    issued = Invoice.objects.filter(customer_id=NOBODY, number__isnull=False).exclude(kind="credit_note")
    return issued.with_balance().values_list("outstanding", "paid_total", "applied_total", "written_off_total")


def held_credits() -> Any:
    """Balance, amount, kind and whether it was reversed of each credit."""
    undone = models.ExpressionWrapper(models.Q(reversal__isnull=False), output_field=models.BooleanField())
    credits = CustomerCredit.objects.filter(customer_id=NOBODY).with_balance().annotate(undone=undone)
    return credits.values_list("balance", "amount", "kind", "undone")


def received() -> Any:
    """Money for invoices, at its agreed worth."""
    worth = Coalesce("settled_amount", "amount")
    return _one_sum(Payment.objects.standing().filter(customer_id=NOBODY), worth)


def paid_back() -> Any:
    """Money that left again."""
    return _one_sum(Refund.objects.filter(customer_id=NOBODY, reversal=None), models.F("amount"))


def _one_sum(rows: Any, worth: Any) -> Any:
    return rows.order_by().values("customer_id").annotate(total=models.Sum(worth)).values_list("total")


def ask(question: Any, customer_id: int) -> list[tuple[Any, ...]]:
    """The rows that the question has for this customer."""
    sql, params = _compiled(question)
    line: Any = connection.connection
    with psycopg.Cursor(line) as cursor:
        found = cursor.execute(sql, [customer_id if one == NOBODY else one for one in params], prepare=True)
        return found.fetchall()


def total(question: Any, customer_id: int) -> Decimal:
    """The one sum of it; nothing is zero."""
    return sum((row[0] for row in ask(question, customer_id)), Decimal(0))


@cache
def _compiled(question: Any) -> tuple[str, tuple[Any, ...]]:
    sql, params = question().query.sql_with_params()
    assert params.count(NOBODY) == 1
    return sql, tuple(params)
