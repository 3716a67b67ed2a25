"""A contract in force keeps what it was made of: held by a trigger, for every database login; and its wall."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

GUARD = """
CREATE FUNCTION crm_contract_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'a contract that was in force is kept' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF NEW.status <> OLD.status AND NOT (OLD.status, NEW.status) IN
        (('draft', 'active'), ('draft', 'cancelled'), ('active', 'ended')) THEN
        RAISE EXCEPTION 'a contract does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.status <> 'draft' AND (NEW.customer_id, NEW.currency, NEW.number, NEW.starts_on, NEW.activated_at)
        IS DISTINCT FROM (OLD.customer_id, OLD.currency, OLD.number, OLD.starts_on, OLD.activated_at) THEN
        RAISE EXCEPTION 'customer, currency, number and first day of a contract in force are settled'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_contract FOR EACH ROW EXECUTE FUNCTION crm_contract_guard();
"""
UNGUARD = "DROP TRIGGER aa_guard ON crm_contract; DROP FUNCTION crm_contract_guard();"


class Migration(migrations.Migration):
    """Guard and row security of contracts."""

    dependencies = [("crm", "0033_contracts")]

    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        ClientPolicy("Contract", f"customer_id = ANY ({CUSTOMER_IDS}) AND status IN ('active', 'ended')"),
    ]
