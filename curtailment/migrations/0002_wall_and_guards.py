# ruff: noqa: E501  (SQL)
"""A plan moves along its arrows and stays what was approved; an order is answered once; clients see their own machines."""

from django.db import migrations

from curtailment.enums import PLAN_MOVES
from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

ARROWS = ", ".join(f"'{start.value}>{end.value}'" for start, ends in PLAN_MOVES.items() for end in sorted(ends))
GUARD = f"""
CREATE FUNCTION curtailment_plan_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept text[] := ARRAY['site_id', 'kind', 'cause', 'goal', 'goal_kw', 'selection', 'starts_at', 'is_emergency', 'source_key',
                         'target_kw', 'base_kw', 'share_percent', 'needs_two', 'standing_approval_id', 'approved_at', 'number'];
    name text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status NOT IN ('pending', 'cancelled', 'expired') OR OLD.approved_at IS NOT NULL THEN
            RAISE EXCEPTION 'plan % was approved and is kept', OLD.number USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status || '>' || NEW.status) NOT IN ({ARROWS}) THEN
        RAISE EXCEPTION 'plan % cannot go from % to %', OLD.number, OLD.status, NEW.status USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status <> 'pending' THEN
        FOREACH name IN ARRAY kept LOOP
            IF to_jsonb(NEW) -> name IS DISTINCT FROM to_jsonb(OLD) -> name THEN
                RAISE EXCEPTION '% of plan % stays as it was approved', name, OLD.number USING ERRCODE = 'integrity_constraint_violation';
            END IF;
        END LOOP;
        IF NEW.ends_at IS DISTINCT FROM OLD.ends_at AND NEW.ends_at > coalesce(OLD.ends_at, 'infinity') THEN
            RAISE EXCEPTION 'plan % cannot last longer than approved', OLD.number USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER curtailment_plan_guard BEFORE UPDATE OR DELETE ON curtailment_curtailmentplan
    FOR EACH ROW EXECUTE FUNCTION curtailment_plan_guard();

CREATE FUNCTION curtailment_order_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text[] := ARRAY['sent_at', 'answered_at', 'outcome', 'reply', 'after_w'];
    name text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'orders to machines are kept' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF to_jsonb(NEW) - told IS DISTINCT FROM to_jsonb(OLD) - told THEN
        RAISE EXCEPTION 'an order to a machine is not changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    FOREACH name IN ARRAY told LOOP
        IF name <> 'outcome' AND to_jsonb(OLD) ->> name <> '' AND to_jsonb(NEW) -> name IS DISTINCT FROM to_jsonb(OLD) -> name THEN
            RAISE EXCEPTION 'what came of an order is written once' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END LOOP;
    IF OLD.outcome <> 'open' AND NEW.outcome <> OLD.outcome THEN
        RAISE EXCEPTION 'what came of an order is written once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER curtailment_order_guard BEFORE UPDATE OR DELETE ON curtailment_machineorder
    FOR EACH ROW EXECUTE FUNCTION curtailment_order_guard();
"""
NO_GUARD = """
DROP TRIGGER curtailment_order_guard ON curtailment_machineorder;
DROP FUNCTION curtailment_order_guard();
DROP TRIGGER curtailment_plan_guard ON curtailment_curtailmentplan;
DROP FUNCTION curtailment_plan_guard();
"""


class Migration(migrations.Migration):
    """Guards and row security."""

    dependencies = [("curtailment", "0001_initial")]

    operations = [
        migrations.RunSQL(GUARD, NO_GUARD),
        ClientPolicy("CurtailmentPlanMiner", f"customer_id = ANY ({CUSTOMER_IDS})"),
    ]
