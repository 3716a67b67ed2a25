# ruff: noqa: E501
"""Guards of what is brought along and of exports; proof of the constraints that 0030 added unchecked."""

from django.db import migrations

COUNTED = """
CREATE OR REPLACE FUNCTION crm_invoice_number_counted() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    counted bigint := substring(NEW.number FROM '[0-9]{1,15}$')::bigint;
    entity crm_legalentity;
BEGIN
    OPENING
    IF NOT EXISTS (
        SELECT 1 FROM crm_numberseries s
         WHERE s.legal_entity_id = NEW.legal_entity_id AND (s.customer_id IS NULL OR s.customer_id = NEW.customer_id)
           AND s.year = extract(year FROM NEW.issued_on)
           AND (s.kind = 'credit_note') = (NEW.kind = 'credit_note')
           AND counted > s.starts_after AND counted <= s.last_number
           AND NEW.number = crm_number_text(s, counted)
    ) THEN
        RAISE EXCEPTION 'number % comes from no series', NEW.number
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crm_invoice_number_counted';
    END IF;
    RETURN NEW;
END $$;
"""
# A number of the former system: never one that a series of ours gives, or will give.
OPENING = """IF NEW.kind = 'opening' THEN
        SELECT * INTO entity FROM crm_legalentity WHERE id = NEW.legal_entity_id;
        IF NEW.number ~ ('^(' || entity.number_prefix || '|' || entity.credit_note_prefix || ')-([A-Z0-9]+-)?[0-9]{4}-[0-9]{4,}$')
           AND NOT EXISTS (
            SELECT 1 FROM crm_numberseries s WHERE s.legal_entity_id = NEW.legal_entity_id
               AND counted <= s.starts_after AND NEW.number = crm_number_text(s, counted)) THEN
            RAISE EXCEPTION 'number % may be given by a series of ours', NEW.number
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crm_invoice_number_counted';
        END IF;
        IF EXISTS (SELECT 1 FROM crm_invoiceline WHERE invoice_id = NEW.id) THEN
            RAISE EXCEPTION 'what is brought along has no lines of ours' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;"""
PERIOD = """
CREATE OR REPLACE FUNCTION crm_period_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number IS NOT NULL EXCEPT_OPENINGAND (TG_OP = 'INSERT' OR OLD.number IS NULL) THEN
        PERFORM crm_period_must_be_open(NEW.legal_entity_id, NEW.issued_on);
    END IF;
    RETURN NEW;
END $$;
"""
# What is brought along was dated long ago; its entry is dated on the day of the takeover, and that month must be open.
EXCEPT_OPENING = "AND NEW.kind <> 'opening' "
EXPORTS = """
CREATE FUNCTION crm_export_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.content IS NOT NULL
       AND (NEW.sha256 <> encode(sha256(NEW.content), 'hex') OR NEW.size <> length(NEW.content)) THEN
        RAISE EXCEPTION 'the hash or size does not belong to the content' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_content BEFORE INSERT ON crm_accountingexport FOR EACH ROW EXECUTE FUNCTION crm_export_guard();
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_accountingexport
    FOR EACH ROW EXECUTE FUNCTION crm_insert_once();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_accountingexport EXECUTE FUNCTION crm_no_truncate();
"""
NO_EXPORTS = """
DROP TRIGGER aa_content ON crm_accountingexport;
DROP TRIGGER aa_guard ON crm_accountingexport;
DROP TRIGGER aa_truncate ON crm_accountingexport;
DROP FUNCTION crm_export_guard();
"""
PROVE = """
ALTER TABLE crm_invoice VALIDATE CONSTRAINT crm_invoice_kind_known;
ALTER TABLE crm_invoice VALIDATE CONSTRAINT crm_invoice_has_cause;
ALTER TABLE crm_invoice VALIDATE CONSTRAINT crm_invoice_former_total;
ALTER TABLE crm_customercredit VALIDATE CONSTRAINT crm_customercredit_origin;
"""


class Migration(migrations.Migration):
    """Numbers of other systems, months of takeovers, exports written once."""

    dependencies = [("crm", "0030_accounting_exports")]

    operations = [
        migrations.RunSQL(COUNTED.replace("OPENING", OPENING), COUNTED.replace("OPENING", "")),
        migrations.RunSQL(PERIOD.replace("EXCEPT_OPENING", EXCEPT_OPENING), PERIOD.replace("EXCEPT_OPENING", "")),
        migrations.RunSQL(EXPORTS, NO_EXPORTS),
        migrations.RunSQL(PROVE, migrations.RunSQL.noop),
    ]
