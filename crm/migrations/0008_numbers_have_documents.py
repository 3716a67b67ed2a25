"""Each number counted has its document at commit, no document a number not counted; series may go on from elsewhere."""

from django.db import migrations, models

BIND = """
CREATE FUNCTION crm_number_text(series crm_numberseries, counted bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    prefix text;
    code text;
    digits integer := 6;
BEGIN
    SELECT CASE series.kind WHEN 'credit_note' THEN e.credit_note_prefix ELSE e.number_prefix END
        INTO prefix FROM crm_legalentity e WHERE e.id = series.legal_entity_id;
    IF series.customer_id IS NOT NULL THEN
        SELECT c.code INTO code FROM crm_customer c WHERE c.id = series.customer_id;
        digits := 4;
    END IF;
    RETURN concat_ws('-', prefix, code, series.year,
                     lpad(counted::text, greatest(digits, length(counted::text)), '0'));
END $$;

CREATE FUNCTION crm_numberseries_used() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM crm_invoice WHERE legal_entity_id = NEW.legal_entity_id
                      AND number = crm_number_text(NEW, NEW.last_number)) THEN
        RAISE EXCEPTION 'number % was taken, but no document has it', crm_number_text(NEW, NEW.last_number)
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crm_numberseries_used';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER zz_used AFTER UPDATE OF last_number ON crm_numberseries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crm_numberseries_used();

CREATE FUNCTION crm_invoice_number_counted() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    counted bigint := substring(NEW.number FROM '[0-9]{1,15}$')::bigint;
BEGIN
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
CREATE TRIGGER ac_counted BEFORE UPDATE OF number ON crm_invoice FOR EACH ROW
    WHEN (OLD.number IS NULL AND NEW.number IS NOT NULL) EXECUTE FUNCTION crm_invoice_number_counted();

CREATE OR REPLACE FUNCTION crm_numberseries_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last_number <> NEW.starts_after THEN
        RAISE EXCEPTION 'a number series begins at its start' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""

RELEASE = """
DROP TRIGGER zz_used ON crm_numberseries;
DROP TRIGGER ac_counted ON crm_invoice;
DROP FUNCTION crm_numberseries_used();
DROP FUNCTION crm_invoice_number_counted();
DROP FUNCTION crm_number_text(crm_numberseries, bigint);
CREATE OR REPLACE FUNCTION crm_numberseries_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.last_number <> 0 THEN
        RAISE EXCEPTION 'a number series begins at zero' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    """Gapless also against raw SQL."""

    dependencies = [("crm", "0007_customer_code_stays")]

    operations = [
        migrations.AddField(
            model_name="numberseries",
            name="starts_after",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="Last number that the former system gave.",
                verbose_name="starts after",
            ),
        ),
        migrations.RunSQL(BIND, RELEASE),
    ]
