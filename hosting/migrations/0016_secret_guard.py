# ruff: noqa: E501  (SQL)
"""The counter of a login only grows, its past stays, and what it was is gone once another took its place."""

from django.db import migrations

GUARD = """
CREATE FUNCTION hosting_secret_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    spared text[] := ARRAY['ciphertext', 'superseded_at', 'updated_at', 'version'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'logins of machines are superseded, not deleted' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT 1 FROM hosting_minersecret known
                    WHERE known.miner_id = NEW.miner_id AND known.purpose = NEW.purpose AND known.counter >= NEW.counter) THEN
            RAISE EXCEPTION 'the counter of a login only grows' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - spared IS DISTINCT FROM to_jsonb(OLD) - spared
       OR (OLD.superseded_at IS NOT NULL AND (NEW.superseded_at, NEW.ciphertext) IS DISTINCT FROM (OLD.superseded_at, OLD.ciphertext))
       OR (NEW.superseded_at IS NOT NULL AND NEW.ciphertext <> '') THEN
        RAISE EXCEPTION 'a login of a machine is sealed anew or superseded, nothing else' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE INSERT OR UPDATE OR DELETE ON hosting_minersecret
    FOR EACH ROW EXECUTE FUNCTION hosting_secret_guard();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON hosting_minersecret EXECUTE FUNCTION crm_no_truncate();
"""
UNGUARD = """
DROP TRIGGER aa_truncate ON hosting_minersecret;
DROP TRIGGER aa_guard ON hosting_minersecret;
DROP FUNCTION hosting_secret_guard();
"""


class Migration(migrations.Migration):
    """One trigger."""

    dependencies = [("hosting", "0015_miner_secrets")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
