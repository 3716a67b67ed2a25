# ruff: noqa: E501  (SQL)
"""The zone of a meter is of its site; what a meter showed never changes, only what is not known yet may be added."""

from django.db import migrations

GUARD = """
ALTER TABLE hosting_meter
    ADD CONSTRAINT hosting_meter_zone_of_site FOREIGN KEY (zone_id, site_id) REFERENCES hosting_zone (id, site_id) DEFERRABLE INITIALLY IMMEDIATE;
CREATE FUNCTION hosting_meterreading_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    figures text[] := ARRAY['power_kw', 'register_kwh'];
BEGIN
    IF to_jsonb(NEW) - figures IS DISTINCT FROM to_jsonb(OLD) - figures
       OR (OLD.power_kw IS NOT NULL AND NEW.power_kw IS DISTINCT FROM OLD.power_kw)
       OR (OLD.register_kwh IS NOT NULL AND NEW.register_kwh IS DISTINCT FROM OLD.register_kwh) THEN
        RAISE EXCEPTION 'what a meter showed never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE ON hosting_meterreading
    FOR EACH ROW EXECUTE FUNCTION hosting_meterreading_guard();
"""
NO_GUARD = """
DROP TRIGGER aa_guard ON hosting_meterreading;
DROP FUNCTION hosting_meterreading_guard();
ALTER TABLE hosting_meter DROP CONSTRAINT hosting_meter_zone_of_site;
"""


class Migration(migrations.Migration):
    """A guard."""

    dependencies = [("hosting", "0032_meters")]

    operations = [migrations.RunSQL(GUARD, NO_GUARD)]
