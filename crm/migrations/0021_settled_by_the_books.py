"""What an invoice's status says, held against all that can settle it; a paid invoice may become open again.

And the proof of the constraints that 0019 added unchecked.
"""

from django.db import migrations

SETTLE = """
CREATE FUNCTION crm_invoice_owed(invoice bigint) RETURNS numeric
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT i.gross_total
         - (SELECT coalesce(sum(coalesce(p.settled_amount, p.amount)), 0) FROM crm_payment p
             WHERE p.invoice_id = i.id AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.payment_id = p.id))
         + (SELECT coalesce(sum(f.amount), 0) FROM crm_refund f JOIN crm_payment p ON p.id = f.payment_id
             WHERE p.invoice_id = i.id AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.refund_id = f.id))
         - (SELECT coalesce(sum(n.gross_total), 0) FROM crm_invoice n
             WHERE n.corrects_id = i.id AND n.number IS NOT NULL)
         - (SELECT coalesce(sum(a.amount), 0) FROM crm_creditapplication a
             WHERE a.invoice_id = i.id AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.application_id = a.id))
         - (SELECT coalesce(sum(w.amount), 0) FROM crm_writeoff w WHERE w.invoice_id = i.id
               AND w.kind = 'small_difference'
               AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.write_off_id = w.id))
         + (SELECT coalesce(sum(c.amount), 0) FROM crm_customercredit c WHERE c.invoice_id = i.id
               AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.payment_id = c.payment_id))
      FROM crm_invoice i WHERE i.id = invoice);
END $$;

CREATE OR REPLACE FUNCTION crm_invoice_settlement_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.number IS NULL OR NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF OLD.kind = 'credit_note' THEN
        RAISE EXCEPTION 'credit note % stays as it was issued', OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status = 'paid' AND crm_invoice_owed(OLD.id) > 0 THEN
        RAISE EXCEPTION 'invoice % is not settled', OLD.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status = 'paid' AND crm_invoice_owed(OLD.id) <= 0 THEN
        RAISE EXCEPTION 'invoice % is settled', OLD.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status = 'cancelled' AND (
        (SELECT coalesce(sum(n.gross_total), 0) FROM crm_invoice n
          WHERE n.corrects_id = OLD.id AND n.number IS NOT NULL) <> OLD.gross_total
        OR crm_invoice_owed(OLD.id) <> 0
        OR EXISTS (SELECT 1 FROM crm_customercredit c WHERE c.invoice_id = OLD.id
                      AND NOT EXISTS (SELECT 1 FROM crm_reversal r WHERE r.payment_id = c.payment_id))) THEN
        RAISE EXCEPTION 'invoice % is cancelled by crediting it in full', OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""
UNSETTLE = """
CREATE OR REPLACE FUNCTION crm_invoice_settlement_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    paid numeric;
    credited numeric;
BEGIN
    IF OLD.number IS NULL OR NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    IF OLD.kind = 'credit_note' THEN
        RAISE EXCEPTION 'credit note % stays as it was issued', OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status NOT IN ('paid', 'cancelled') THEN
        RETURN NEW;
    END IF;
    SELECT coalesce(sum(amount), 0) INTO paid FROM crm_payment WHERE invoice_id = OLD.id;
    SELECT coalesce(sum(gross_total), 0) INTO credited FROM crm_invoice
        WHERE corrects_id = OLD.id AND number IS NOT NULL;
    IF NEW.status = 'paid' AND paid + credited < OLD.gross_total THEN
        RAISE EXCEPTION 'invoice % is not settled', OLD.number USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.status = 'cancelled' AND (credited <> OLD.gross_total OR paid <> 0) THEN
        RAISE EXCEPTION 'invoice % is cancelled by crediting it in full', OLD.number
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION crm_invoice_owed(bigint);
"""


GUARD = """
CREATE OR REPLACE FUNCTION crm_invoice_guard() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    loose text[] := ARRAY['version', 'updated_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'an invoice begins as a draft' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.number IS NOT NULL THEN
            RAISE EXCEPTION 'invoice % is issued and cannot be deleted', OLD.number
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.status <> OLD.status THEN
        IF NOT ((OLD.status = 'draft' AND NEW.status IN ('sent', 'cancelled'))
             OR (OLD.status = 'sent' AND NEW.status IN ('overdue', 'paid', 'cancelled'))
             OR (OLD.status = 'overdue' AND NEW.status IN ('paid', 'cancelled'))ARROW) THEN
            RAISE EXCEPTION 'invoice %: no move from % to %',
                coalesce(OLD.number, OLD.reference), OLD.status, NEW.status
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        loose := loose || CASE NEW.status
            WHEN 'paid' THEN ARRAY['status', 'paid_on']
            WHEN 'cancelled' THEN ARRAY['status', 'cancel_reason']
            COLUMNELSE ARRAY['status'] END;
    END IF;
    IF OLD.status = 'draft' AND NEW.status IN ('draft', 'sent') THEN
        RETURN NEW;
    END IF;
    IF (to_jsonb(NEW) - loose) IS DISTINCT FROM (to_jsonb(OLD) - loose) THEN
        RAISE EXCEPTION 'invoice % is frozen', coalesce(OLD.number, OLD.reference)
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def _moves(reopened: bool) -> str:
    """The guard of 0002, with or without the way back from paid."""
    arrow = "\n             OR (OLD.status = 'paid' AND NEW.status = 'sent')" if reopened else ""
    column = "WHEN 'sent' THEN ARRAY['status', 'paid_on']\n            " if reopened else ""
    return GUARD.replace("ARROW", arrow).replace("COLUMN", column)


PROVE = """
ALTER TABLE crm_activity VALIDATE CONSTRAINT crm_activity_kind_known;
ALTER TABLE crm_payment VALIDATE CONSTRAINT crm_payment_rate_and_settled;
"""


class Migration(migrations.Migration):
    """Settled by money, credits, small differences and credit notes."""

    dependencies = [("crm", "0020_ledger_guards")]

    operations = [
        migrations.RunSQL(SETTLE, UNSETTLE),
        migrations.RunSQL(_moves(reopened=True), _moves(reopened=False)),
        migrations.RunSQL(PROVE, migrations.RunSQL.noop),
    ]
