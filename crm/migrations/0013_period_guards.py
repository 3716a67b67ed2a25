# ruff: noqa: E501  (SQL)
"""A closed month takes nothing more: held by triggers, for every database login."""

from django.db import migrations

CLOSE = """
-- Shared while something is dated in the month, exclusive while it is being closed: closing waits for what is under way.
CREATE FUNCTION crm_period_must_be_open(entity bigint, day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF entity IS NULL OR day IS NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock_shared(
        hashtextextended('period:' || entity::text || ':' || to_char(day, 'YYYY-MM'), 0));
    IF EXISTS (SELECT 1 FROM crm_accountingperiod
               WHERE legal_entity_id = entity AND month = date_trunc('month', day)::date AND state = 'closed') THEN
        RAISE EXCEPTION '% is closed', to_char(day, 'YYYY-MM') USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END $$;

CREATE FUNCTION crm_period_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.number IS NULL) THEN
        PERFORM crm_period_must_be_open(NEW.legal_entity_id, NEW.issued_on);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ab_period BEFORE INSERT OR UPDATE ON crm_invoice FOR EACH ROW EXECUTE FUNCTION crm_period_invoice();

CREATE FUNCTION crm_period_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM crm_period_must_be_open(
        (SELECT legal_entity_id FROM crm_invoice WHERE id = NEW.invoice_id), coalesce(NEW.booked_on, NEW.received_on));
    RETURN NEW;
END $$;
CREATE TRIGGER ab_period BEFORE INSERT ON crm_payment FOR EACH ROW EXECUTE FUNCTION crm_period_payment();

-- For any table with an entity and a day of its own, named as arguments: postings, for example.
CREATE FUNCTION crm_period_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    given jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
BEGIN
    PERFORM crm_period_must_be_open((given ->> TG_ARGV[0])::bigint, (given ->> TG_ARGV[1])::date);
    IF TG_OP = 'UPDATE' THEN
        PERFORM crm_period_must_be_open(
            (to_jsonb(OLD) ->> TG_ARGV[0])::bigint, (to_jsonb(OLD) ->> TG_ARGV[1])::date);
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE FUNCTION crm_period_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a month of the books is kept' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.legal_entity_id <> OLD.legal_entity_id OR NEW.month <> OLD.month THEN
        RAISE EXCEPTION 'a month of the books stays where it is' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state = 'closed' AND NEW.state <> 'closed' AND NOT EXISTS (
        SELECT 1 FROM approvals_approvalrequest
         WHERE kind = 'crm.reopen_period' AND object_type = 'crm.accountingperiod' AND object_id = OLD.id
           AND state = 'approved' AND executed_at IS NULL) THEN
        RAISE EXCEPTION 'a closed month is opened by two people' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_accountingperiod
    FOR EACH ROW EXECUTE FUNCTION crm_period_guard();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_accountingperiod EXECUTE FUNCTION crm_no_truncate();
"""

OPEN = """
DROP TRIGGER aa_truncate ON crm_accountingperiod;
DROP TRIGGER aa_guard ON crm_accountingperiod;
DROP TRIGGER ab_period ON crm_payment;
DROP TRIGGER ab_period ON crm_invoice;
DROP FUNCTION crm_period_guard();
DROP FUNCTION crm_period_row();
DROP FUNCTION crm_period_payment();
DROP FUNCTION crm_period_invoice();
DROP FUNCTION crm_period_must_be_open(bigint, date);
"""


class Migration(migrations.Migration):
    """Guards of closed months."""

    dependencies = [("crm", "0012_periods"), ("approvals", "0002_guard")]

    operations = [migrations.RunSQL(CLOSE, OPEN)]
