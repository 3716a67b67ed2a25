# ruff: noqa: E501  (SQL)
"""A schedule moves along its arrows, and what was planned stays as it was planned."""

from django.db import migrations

from intelligence.enums import RUN_MOVES

ARROWS = ", ".join(f"'{start.value}>{end.value}'" for start, ends in RUN_MOVES.items() for end in sorted(ends))
GUARD = f"""
CREATE FUNCTION intelligence_schedule_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    later text[] := ARRAY['status', 'applied_at', 'applied_by_id', 'asked_by_id', 'scored_at', 'actual_profit', 'actual_always_on_profit',
                          'actual_kwh', 'actual_btc', 'actuals', 'version', 'updated_at'];
    gone text[] := ARRAY['applied_by_id', 'asked_by_id', 'version', 'updated_at'];
BEGIN
    IF NEW.status <> OLD.status AND (OLD.status || '>' || NEW.status) NOT IN ({ARROWS}) THEN
        RAISE EXCEPTION 'schedule % cannot go from % to %', OLD.public_id, OLD.status, NEW.status USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF to_jsonb(NEW) - later IS DISTINCT FROM to_jsonb(OLD) - later THEN
        RAISE EXCEPTION 'schedule % stays as it was planned', OLD.public_id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status IN ('replaced', 'completed') AND to_jsonb(NEW) - gone IS DISTINCT FROM to_jsonb(OLD) - gone THEN
        RAISE EXCEPTION 'schedule % is %', OLD.public_id, OLD.status USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER intelligence_schedule_guard BEFORE UPDATE ON intelligence_schedulerun
    FOR EACH ROW EXECUTE FUNCTION intelligence_schedule_guard();
"""
NO_GUARD = """
DROP TRIGGER intelligence_schedule_guard ON intelligence_schedulerun;
DROP FUNCTION intelligence_schedule_guard();
"""


class Migration(migrations.Migration):
    """The guard."""

    dependencies = [("intelligence", "0007_power_modes")]

    operations = [migrations.RunSQL(GUARD, NO_GUARD)]
