"""Tighter guards: no paid without money, no cancelled without credit, series begin at zero, logos stay as they were."""

from django.db import migrations

TIGHTEN = """
CREATE FUNCTION crm_invoice_settlement_guard() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER ab_settlement BEFORE UPDATE OF status ON crm_invoice
    FOR EACH ROW EXECUTE FUNCTION crm_invoice_settlement_guard();

CREATE FUNCTION crm_numberseries_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last_number <> 0 THEN
        RAISE EXCEPTION 'a number series begins at zero' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_begin BEFORE INSERT ON crm_numberseries
    FOR EACH ROW EXECUTE FUNCTION crm_numberseries_begin();

CREATE FUNCTION crm_logo_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sha256 <> encode(sha256(NEW.content), 'hex') THEN
        RAISE EXCEPTION 'the hash does not belong to the picture' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_logo BEFORE INSERT ON crm_logo FOR EACH ROW EXECUTE FUNCTION crm_logo_guard();
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_logo
    FOR EACH ROW EXECUTE FUNCTION crm_insert_once();
"""

LOOSEN = """
DROP TRIGGER ab_settlement ON crm_invoice;
DROP TRIGGER aa_begin ON crm_numberseries;
DROP TRIGGER aa_logo ON crm_logo;
DROP TRIGGER aa_guard ON crm_logo;
DROP FUNCTION crm_invoice_settlement_guard();
DROP FUNCTION crm_numberseries_begin();
DROP FUNCTION crm_logo_guard();
"""


class Migration(migrations.Migration):
    """What the domain promises about money, held by the database as well."""

    dependencies = [("crm", "0005_close_gaps")]

    operations = [migrations.RunSQL(TIGHTEN, LOOSEN)]
