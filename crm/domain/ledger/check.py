# ruff: noqa: S608  (all parts of these statements are constants of this file)
"""Whether the books add up: recomputed from documents and postings in plain SQL, sharing no code with the booking."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that does not add up: which check found it, and the rows in question."""

    check: str
    count: int
    rows: Sequence[str]


_STANDING_PAYMENTS = """
    SELECT p.*, coalesce(p.settled_amount, p.amount) AS settles FROM crm_payment p
     WHERE NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.payment_id = p.id)"""
# What each issued invoice is owed, from the documents alone.
_OWED = f"""
WITH standing AS ({_STANDING_PAYMENTS}), moves AS (
    SELECT id AS invoice_id, gross_total AS amount FROM crm_invoice WHERE number IS NOT NULL AND kind <> 'credit_note'
    UNION ALL SELECT invoice_id, -settles FROM standing
    UNION ALL SELECT corrects_id, -gross_total FROM crm_invoice WHERE number IS NOT NULL AND kind = 'credit_note'
    UNION ALL SELECT a.invoice_id, -a.amount FROM crm_creditapplication a
               WHERE NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.application_id = a.id)
    UNION ALL SELECT w.invoice_id, -w.amount FROM crm_writeoff w
               WHERE NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.write_off_id = w.id)
    UNION ALL SELECT p.invoice_id, f.amount FROM crm_refund f JOIN crm_payment p ON p.id = f.payment_id
               WHERE NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.refund_id = f.id)
    UNION ALL SELECT c.invoice_id, c.amount FROM crm_customercredit c WHERE c.invoice_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.payment_id = c.payment_id)
), owed AS (SELECT invoice_id, sum(amount) AS amount FROM moves GROUP BY 1),
booked AS (SELECT invoice_id, sum(debit - credit) AS amount FROM crm_ledgerposting
            WHERE kind = 'receivable' GROUP BY 1)
"""
# What is left of each credit, from the documents alone.
_HELD = """
WITH moves AS (
    SELECT id AS credit_id, amount FROM crm_customercredit c
     WHERE NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.credit_id = c.id OR r.payment_id = c.payment_id)
    UNION ALL SELECT a.credit_id, -a.amount FROM crm_creditapplication a
               WHERE NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.application_id = a.id)
    UNION ALL SELECT f.credit_id, -f.amount FROM crm_refund f WHERE f.credit_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.refund_id = f.id)
), held AS (SELECT credit_id, sum(amount) AS amount FROM moves GROUP BY 1),
booked AS (SELECT customer_credit_id AS credit_id, sum(credit - debit) AS amount FROM crm_ledgerposting
            WHERE kind IN ('deposits', 'credits') GROUP BY 1)
"""
# Every document with the kind of entry it must have; an invoice over nothing at all has none.
_DOCUMENTS = """
WITH documents AS (
    SELECT 'invoice' AS kind, i.id, i.customer_id, i.number AS name FROM crm_invoice i
     WHERE i.number IS NOT NULL AND i.kind NOT IN ('credit_note', 'opening')
       AND EXISTS (SELECT 1 FROM crm_invoiceline l WHERE l.invoice_id = i.id AND l.net_amount <> 0)
    UNION ALL SELECT 'credit_note', i.id, i.customer_id, i.number FROM crm_invoice i
     WHERE i.number IS NOT NULL AND i.kind = 'credit_note' AND (i.gross_total <> 0 OR i.net_total <> 0)
    UNION ALL SELECT 'opening_invoice', i.id, i.customer_id, i.number FROM crm_invoice i
     WHERE i.number IS NOT NULL AND i.kind = 'opening'
    UNION ALL SELECT 'opening_credit', id, customer_id, public_id::text FROM crm_customercredit
     WHERE kind IN ('opening', 'opening_deposit')
    UNION ALL SELECT 'payment', id, customer_id, public_id::text FROM crm_payment
    UNION ALL SELECT 'deposit', id, customer_id, public_id::text FROM crm_customercredit WHERE kind = 'deposit'
    UNION ALL SELECT 'application', id, customer_id, public_id::text FROM crm_creditapplication
    UNION ALL SELECT 'refund', id, customer_id, public_id::text FROM crm_refund
    UNION ALL SELECT 'write_off', id, customer_id, public_id::text FROM crm_writeoff
    UNION ALL SELECT 'reversal', id, customer_id, public_id::text FROM crm_reversal
)
"""
CHECKS: dict[str, str] = {
    "entries that do not balance": """
        SELECT e.id || ' ' || e.kind || ' ' || p.currency FROM crm_journalentry e JOIN crm_ledgerposting p
            ON p.entry_id = e.id GROUP BY e.id, e.kind, p.currency HAVING sum(p.debit) <> sum(p.credit)""",
    "entries that do not balance in the currency of the books": """
        SELECT e.id || ' ' || e.kind FROM crm_journalentry e JOIN crm_ledgerposting p ON p.entry_id = e.id
         GROUP BY e.id, e.kind HAVING sum(p.base_debit) <> sum(p.base_credit)
            OR count(p.base_debit) NOT IN (0, count(*))""",
    "debits and credits of a legal entity differ": """
        SELECT e.legal_entity_id || ' ' || p.currency FROM crm_journalentry e JOIN crm_ledgerposting p
            ON p.entry_id = e.id GROUP BY e.legal_entity_id, p.currency HAVING sum(p.debit) <> sum(p.credit)""",
    "documents that are not booked": f"""{_DOCUMENTS}
        SELECT d.kind || ' ' || d.name FROM documents d LEFT JOIN crm_journalentry e
            ON e.kind = d.kind AND e.source_id = d.id WHERE e.id IS NULL""",
    "entries without their document": f"""{_DOCUMENTS}
        SELECT e.kind || ' ' || e.id FROM crm_journalentry e LEFT JOIN documents d
            ON e.kind = d.kind AND e.source_id = d.id
         WHERE d.id IS NULL OR d.customer_id <> e.customer_id""",
    "invoices whose receivable is not what is outstanding": f"""{_OWED}
        SELECT i.number || ' ' || coalesce(o.amount, 0) || ' ' || coalesce(b.amount, 0)
          FROM owed o FULL JOIN booked b USING (invoice_id) LEFT JOIN crm_invoice i ON i.id = invoice_id
         WHERE coalesce(o.amount, 0) <> coalesce(b.amount, 0)""",
    "invoices below zero": f"""{_OWED}
        SELECT i.number || ' ' || o.amount FROM owed o JOIN crm_invoice i ON i.id = o.invoice_id
         WHERE o.amount < 0""",
    "credits whose account is not what is left of them": f"""{_HELD}
        SELECT credit_id || ' ' || coalesce(h.amount, 0) || ' ' || coalesce(b.amount, 0)
          FROM held h FULL JOIN booked b USING (credit_id) WHERE coalesce(h.amount, 0) <> coalesce(b.amount, 0)""",
    "credits below zero": f"""{_HELD} SELECT credit_id || ' ' || amount FROM held h WHERE amount < 0""",
    "documents whose revenue or tax is booked otherwise": """
        SELECT i.number FROM crm_invoice i JOIN crm_journalentry e ON e.source_id = i.id
               AND e.kind = CASE i.kind WHEN 'credit_note' THEN 'credit_note' ELSE 'invoice' END
          JOIN crm_ledgerposting p ON p.entry_id = e.id
         GROUP BY i.id, i.number, i.kind, i.net_total, i.tax_total
        HAVING sum(p.credit - p.debit) FILTER (WHERE p.kind = 'revenue')
               <> CASE i.kind WHEN 'credit_note' THEN -i.net_total ELSE i.net_total END
            OR coalesce(sum(p.credit - p.debit) FILTER (WHERE p.kind = 'output_tax'), 0)
               <> CASE i.kind WHEN 'credit_note' THEN -i.tax_total ELSE i.tax_total END""",
    "payments whose money is booked otherwise": """
        SELECT p.public_id::text FROM crm_payment p JOIN crm_journalentry e ON e.kind = 'payment' AND e.source_id = p.id
          LEFT JOIN crm_ledgerposting m ON m.entry_id = e.id AND m.currency = p.currency
               AND m.kind IN ('bank', 'card', 'cash', 'wallet', 'clearing')
         GROUP BY p.id, p.public_id, p.amount HAVING coalesce(sum(m.debit - m.credit), 0) <> p.amount""",
    "invoices whose status is not what money made of them": f"""{_OWED}, lost AS (
            SELECT w.invoice_id, sum(w.amount) AS amount FROM crm_writeoff w WHERE w.kind = 'bad_debt'
               AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.write_off_id = w.id) GROUP BY 1)
        SELECT i.number || ' ' || i.status || ' ' || o.amount FROM crm_invoice i
          JOIN owed o ON o.invoice_id = i.id LEFT JOIN lost l ON l.invoice_id = i.id
         WHERE (o.amount + coalesce(l.amount, 0) > 0) <> (i.status IN ('sent', 'overdue'))""",
    "reversals that are no mirror": """
        SELECT e.id::text FROM crm_journalentry e JOIN crm_ledgerposting p ON p.entry_id IN (e.id, e.reverses_id)
         WHERE e.reverses_id IS NOT NULL
         GROUP BY e.id, p.account_id, p.currency, p.invoice_id, p.customer_credit_id
        HAVING sum(p.debit) <> sum(p.credit) OR sum(p.base_debit) <> sum(p.base_credit)""",
}


def discrepancies(names: Sequence[str] | None = None) -> list[Discrepancy]:
    """What does not add up; nothing when all does. ``names`` picks some of CHECKS."""
    found = []
    with connection.cursor() as cursor:
        for name, query in CHECKS.items():
            if names is not None and name not in names:
                continue
            cursor.execute(query)
            rows = [str(row[0]) for row in cursor.fetchall()]
            if rows:
                found.append(Discrepancy(name, len(rows), rows[:MOST_SHOWN]))
    return found
