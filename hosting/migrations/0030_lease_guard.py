"""The counter of a device's leases rises with each that is handed out, and never falls."""

from django.db import migrations

GUARD = """
CREATE FUNCTION hosting_lease_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.counter < OLD.counter THEN
        RAISE EXCEPTION 'the counter of a lease never falls' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hosting_lease_guard BEFORE UPDATE ON hosting_edgelease
    FOR EACH ROW EXECUTE FUNCTION hosting_lease_guard();
"""
NO_GUARD = """
DROP TRIGGER hosting_lease_guard ON hosting_edgelease;
DROP FUNCTION hosting_lease_guard();
"""


class Migration(migrations.Migration):
    """A guard."""

    dependencies = [("hosting", "0029_leases")]

    operations = [migrations.RunSQL(GUARD, NO_GUARD)]
