"""What a device said of an order is kept as it was said; what the machine drew afterwards is added once."""

from django.db import migrations

GUARD = """
CREATE FUNCTION curtailment_report_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'reports of edge devices are kept' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF to_jsonb(NEW) - 'after_w' IS DISTINCT FROM to_jsonb(OLD) - 'after_w'
       OR (OLD.after_w IS NOT NULL AND NEW.after_w IS DISTINCT FROM OLD.after_w) THEN
        RAISE EXCEPTION 'a report of an edge device is not changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER curtailment_report_guard BEFORE UPDATE OR DELETE ON curtailment_leasereport
    FOR EACH ROW EXECUTE FUNCTION curtailment_report_guard();
"""
NO_GUARD = """
DROP TRIGGER curtailment_report_guard ON curtailment_leasereport;
DROP FUNCTION curtailment_report_guard();
"""


class Migration(migrations.Migration):
    """A guard."""

    dependencies = [("curtailment", "0010_leases")]

    operations = [migrations.RunSQL(GUARD, NO_GUARD)]
