"""What a reminder said stays: neither letter nor its invoices are changed or deleted, by any database login."""

from django.db import migrations

GUARD = """
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_dunningitem
    FOR EACH ROW EXECUTE FUNCTION crm_insert_once();
CREATE FUNCTION crm_dunningletter_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    loose text[] := ARRAY['version', 'updated_at', 'fee_invoice_id'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a reminder is kept' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.content IS NULL THEN
        loose := loose || ARRAY['content', 'sha256'];
    END IF;
    IF OLD.sent_at IS NULL THEN
        loose := loose || ARRAY['sent_at'];
    END IF;
    IF (to_jsonb(NEW) - loose) IS DISTINCT FROM (to_jsonb(OLD) - loose) THEN
        RAISE EXCEPTION 'a reminder stays as it was written' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_dunningletter
    FOR EACH ROW EXECUTE FUNCTION crm_dunningletter_guard();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_dunningitem EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON crm_dunningletter EXECUTE FUNCTION crm_no_truncate();
"""
UNGUARD = """
DROP TRIGGER aa_truncate ON crm_dunningletter;
DROP TRIGGER aa_truncate ON crm_dunningitem;
DROP TRIGGER aa_guard ON crm_dunningletter;
DROP FUNCTION crm_dunningletter_guard();
DROP TRIGGER aa_guard ON crm_dunningitem;
"""


class Migration(migrations.Migration):
    """Guards of reminders."""

    dependencies = [("crm", "0016_dunning")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
