"""Issued documents cannot be changed by any login, whatever the path: triggers of our own, not switchable from code."""

from django.db import migrations

FREEZE = """
CREATE FUNCTION crm_invoice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
             OR (OLD.status = 'overdue' AND NEW.status IN ('paid', 'cancelled'))) THEN
            RAISE EXCEPTION 'invoice %: no move from % to %',
                coalesce(OLD.number, OLD.reference), OLD.status, NEW.status
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        loose := loose || CASE NEW.status
            WHEN 'paid' THEN ARRAY['status', 'paid_on']
            WHEN 'cancelled' THEN ARRAY['status', 'cancel_reason']
            ELSE ARRAY['status'] END;
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
CREATE TRIGGER aa_guard BEFORE INSERT OR UPDATE OR DELETE ON crm_invoice
    FOR EACH ROW EXECUTE FUNCTION crm_invoice_guard();

CREATE FUNCTION crm_invoiceline_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    parent bigint;
    parent_status text;
BEGIN
    -- The share lock waits for an issue in progress and then sees its result.
    FOREACH parent IN ARRAY CASE TG_OP
        WHEN 'INSERT' THEN ARRAY[NEW.invoice_id]
        WHEN 'DELETE' THEN ARRAY[OLD.invoice_id]
        ELSE ARRAY[OLD.invoice_id, NEW.invoice_id] END
    LOOP
        SELECT status INTO parent_status FROM crm_invoice WHERE id = parent FOR SHARE;
        IF parent_status IS DISTINCT FROM 'draft' THEN
            RAISE EXCEPTION 'the lines of invoice % are frozen', parent
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER aa_guard BEFORE INSERT OR UPDATE OR DELETE ON crm_invoiceline
    FOR EACH ROW EXECUTE FUNCTION crm_invoiceline_guard();

CREATE FUNCTION crm_insert_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_invoicedocument
    FOR EACH ROW EXECUTE FUNCTION crm_insert_once();
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_payment
    FOR EACH ROW EXECUTE FUNCTION crm_insert_once();

CREATE FUNCTION crm_document_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM crm_invoice WHERE id = NEW.invoice_id AND number IS NOT NULL) THEN
        RAISE EXCEPTION 'only an issued invoice has a stored document' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.sha256 <> encode(sha256(NEW.content), 'hex') OR NEW.size <> length(NEW.content) THEN
        RAISE EXCEPTION 'the stored hash or size does not belong to the content'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_document BEFORE INSERT ON crm_invoicedocument
    FOR EACH ROW EXECUTE FUNCTION crm_document_guard();

CREATE FUNCTION crm_payment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM crm_invoice i WHERE i.id = NEW.invoice_id AND i.number IS NOT NULL
           AND i.kind <> 'credit_note' AND i.customer_id = NEW.customer_id AND i.currency = NEW.currency
    ) THEN
        RAISE EXCEPTION 'a payment belongs to an issued invoice of the same customer and currency'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_payment BEFORE INSERT ON crm_payment FOR EACH ROW EXECUTE FUNCTION crm_payment_guard();

CREATE FUNCTION crm_numberseries_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NEW.last_number <> OLD.last_number + 1
       OR (to_jsonb(NEW) - 'last_number') IS DISTINCT FROM (to_jsonb(OLD) - 'last_number') THEN
        RAISE EXCEPTION 'a number series only counts up, one by one' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_numberseries
    FOR EACH ROW EXECUTE FUNCTION crm_numberseries_guard();

CREATE FUNCTION crm_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% cannot be emptied', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_invoice EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_invoiceline EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_invoicedocument EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_payment EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_numberseries EXECUTE FUNCTION crm_no_truncate();
"""

THAW = "".join(
    f"DROP TRIGGER {trigger} ON {table};\n"
    for table, triggers in {
        "crm_invoice": ("aa_guard", "aa_truncate"),
        "crm_invoiceline": ("aa_guard", "aa_truncate"),
        "crm_invoicedocument": ("aa_guard", "aa_document", "aa_truncate"),
        "crm_payment": ("aa_guard", "aa_payment", "aa_truncate"),
        "crm_numberseries": ("aa_guard", "aa_truncate"),
    }.items()
    for trigger in triggers
) + "".join(
    f"DROP FUNCTION {name}();\n"
    for name in (
        "crm_invoice_guard",
        "crm_invoiceline_guard",
        "crm_insert_once",
        "crm_document_guard",
        "crm_payment_guard",
        "crm_numberseries_guard",
        "crm_no_truncate",
    )
)


class Migration(migrations.Migration):
    """Guards of issued documents, payments and number series."""

    dependencies = [("crm", "0001_initial")]

    operations = [migrations.RunSQL(FREEZE, THAW)]
