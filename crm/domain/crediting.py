"""What a credit note takes back of its invoice, after all notes before it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import models

from crm.engine.amounts import LineInput, Totals
from crm.engine.crediting import Taken, credited
from crm.models import Invoice, InvoiceLine
from hashinsight.common.money import exponent


def taken_before(original: Invoice, *, note: Invoice | None = None) -> dict[int, Decimal]:
    """Quantity that issued notes have taken back of each position; with ``note`` those before it only.

    The few notes are found first. Joined, the planner may go through the lines of all invoices instead, as it cannot
    know how few these are while a large transaction still adds to the tables.
    """
    notes = Invoice.objects.filter(corrects=original, number__isnull=False)
    if note is not None:
        notes = notes.filter(pk__lt=note.pk)  # notes of one invoice are made one after another, under its lock
    found = list(notes.order_by().values_list("pk", flat=True))
    if not found:
        return {}
    rows = InvoiceLine.objects.filter(invoice__in=found).order_by()
    return dict(rows.values_list("corrects_position").annotate(models.Sum("quantity")))


def amounts_of(
    original: Invoice, lines: Sequence[InvoiceLine], *, note: Invoice | None = None
) -> tuple[list[Decimal], Totals]:
    """Net of each of ``lines`` and the totals of the note they make; ``note`` is None while it is not stored yet."""
    billed = list(original.lines.order_by("position", "id"))
    now = {line.corrects_position: line.quantity for line in lines}
    nets, totals = credited(_taken(billed, taken_before(original, note=note), now), exponent(original.currency))
    of_position = {line.position: net for line, net in zip(billed, nets, strict=True)}
    return [of_position[line.corrects_position] for line in lines if line.corrects_position is not None], totals


def _taken(
    billed: Sequence[InvoiceLine], before: Mapping[int, Decimal], now: Mapping[int | None, Decimal]
) -> list[Taken]:
    nothing = Decimal(0)
    return [
        Taken(input_of(line), before.get(line.position, nothing), now.get(line.position, nothing)) for line in billed
    ]


def input_of(line: InvoiceLine) -> LineInput:
    """The line as the arithmetic takes it."""
    return LineInput(
        line.quantity, line.unit_price, str(line.tax_category), Decimal(line.tax_rate), line.exemption_reason
    )
