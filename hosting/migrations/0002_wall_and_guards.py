# ruff: noqa: E501  (SQL)
"""Places that fit together, prices and terms that stay, and row security: held by the database for every login."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

OWN = f"customer_id = ANY ({CUSTOMER_IDS})"
# The policies of machines and terms decide; a place or a price is seen through them.
OF_TERMS = """EXISTS (SELECT 1 FROM hosting_hostingterms terms WHERE terms.price_plan_id = {plan})"""
OF_VERSION = "EXISTS (SELECT 1 FROM hosting_priceplanversion parent WHERE parent.id = plan_version_id)"
OF_COMPONENT = "EXISTS (SELECT 1 FROM hosting_pricecomponent parent WHERE parent.id = component_id)"


def of_machines(table: str, column: str) -> str:
    """Own machines stand there."""
    return f"EXISTS (SELECT 1 FROM hosting_miner machine WHERE machine.{column} = {table}.id)"  # noqa: S608


def of_machines_or_terms(table: str, column: str) -> str:
    """Own machines stand there, or own terms were agreed there."""
    terms = f"EXISTS (SELECT 1 FROM hosting_hostingterms terms WHERE terms.{column} = {table}.id)"  # noqa: S608
    return f"{of_machines(table, column)} OR {terms}"


FIT = """
ALTER TABLE hosting_miner
    ADD CONSTRAINT hosting_miner_zone_of_site FOREIGN KEY (zone_id, site_id) REFERENCES hosting_zone (id, site_id) DEFERRABLE INITIALLY IMMEDIATE,
    ADD CONSTRAINT hosting_miner_rack_of_zone FOREIGN KEY (rack_id, zone_id) REFERENCES hosting_rack (id, zone_id) DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE hosting_minerplacement
    ADD CONSTRAINT hosting_placement_zone_of_site FOREIGN KEY (zone_id, site_id) REFERENCES hosting_zone (id, site_id) DEFERRABLE INITIALLY IMMEDIATE,
    ADD CONSTRAINT hosting_placement_rack_of_zone FOREIGN KEY (rack_id, zone_id) REFERENCES hosting_rack (id, zone_id) DEFERRABLE INITIALLY IMMEDIATE;
ALTER TABLE hosting_hostingterms
    ADD CONSTRAINT hosting_terms_zone_of_site FOREIGN KEY (zone_id, site_id) REFERENCES hosting_zone (id, site_id) DEFERRABLE INITIALLY IMMEDIATE;
"""
UNFIT = """
ALTER TABLE hosting_hostingterms DROP CONSTRAINT hosting_terms_zone_of_site;
ALTER TABLE hosting_minerplacement DROP CONSTRAINT hosting_placement_rack_of_zone, DROP CONSTRAINT hosting_placement_zone_of_site;
ALTER TABLE hosting_miner DROP CONSTRAINT hosting_miner_rack_of_zone, DROP CONSTRAINT hosting_miner_zone_of_site;
"""

GUARD = """
-- Agreed terms and published versions: every column stays, but for the day they end.
CREATE FUNCTION hosting_only_end_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    settled text := TG_ARGV[0];
    spared text[] := ARRAY['valid_to', 'updated_at', 'version'];
BEGIN
    IF to_jsonb(OLD) ->> settled IS NULL THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'this row of % is settled and kept', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF to_jsonb(NEW) - spared IS DISTINCT FROM to_jsonb(OLD) - spared THEN
        RAISE EXCEPTION 'this row of % is settled; only the day it ends may change', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON hosting_hostingterms
    FOR EACH ROW EXECUTE FUNCTION hosting_only_end_moves('agreed_at');
CREATE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON hosting_priceplanversion
    FOR EACH ROW EXECUTE FUNCTION hosting_only_end_moves('published_at');

-- What a published version is made of.
CREATE FUNCTION hosting_component_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM hosting_priceplanversion v
                WHERE v.published_at IS NOT NULL
                  AND v.id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.plan_version_id END,
                               CASE WHEN TG_OP <> 'DELETE' THEN NEW.plan_version_id END)) THEN
        RAISE EXCEPTION 'a published version of a price plan never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER aa_guard BEFORE INSERT OR UPDATE OR DELETE ON hosting_pricecomponent
    FOR EACH ROW EXECUTE FUNCTION hosting_component_guard();
CREATE FUNCTION hosting_window_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM hosting_pricecomponent c JOIN hosting_priceplanversion v ON v.id = c.plan_version_id
                WHERE v.published_at IS NOT NULL
                  AND c.id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.component_id END,
                               CASE WHEN TG_OP <> 'DELETE' THEN NEW.component_id END)) THEN
        RAISE EXCEPTION 'a published version of a price plan never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER aa_guard BEFORE INSERT OR UPDATE OR DELETE ON hosting_pricewindow
    FOR EACH ROW EXECUTE FUNCTION hosting_window_guard();
-- The log of a machine.
CREATE FUNCTION hosting_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE ON hosting_mineroperation
    FOR EACH ROW EXECUTE FUNCTION hosting_append_only();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON hosting_hostingterms EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON hosting_priceplanversion EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON hosting_pricecomponent EXECUTE FUNCTION crm_no_truncate();
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON hosting_pricewindow EXECUTE FUNCTION crm_no_truncate();
"""
UNGUARD = """
DROP TRIGGER aa_truncate ON hosting_pricewindow;
DROP TRIGGER aa_truncate ON hosting_pricecomponent;
DROP TRIGGER aa_truncate ON hosting_priceplanversion;
DROP TRIGGER aa_truncate ON hosting_hostingterms;
DROP TRIGGER aa_guard ON hosting_mineroperation;
DROP FUNCTION hosting_append_only();
DROP TRIGGER aa_guard ON hosting_pricewindow;
DROP FUNCTION hosting_window_guard();
DROP TRIGGER aa_guard ON hosting_pricecomponent;
DROP FUNCTION hosting_component_guard();
DROP TRIGGER aa_guard ON hosting_priceplanversion;
DROP TRIGGER aa_guard ON hosting_hostingterms;
DROP FUNCTION hosting_only_end_moves();
"""


class Migration(migrations.Migration):
    """Composite foreign keys, guards, row security."""

    dependencies = [("hosting", "0001_initial"), ("crm", "0034_contract_guards")]

    operations = [
        migrations.RunSQL(FIT, UNFIT),
        migrations.RunSQL(GUARD, UNGUARD),
        ClientPolicy("Miner", OWN),
        ClientPolicy("MinerOwnership", OWN),
        ClientPolicy(
            "HostingTerms",
            "agreed_at IS NOT NULL AND EXISTS (SELECT 1 FROM crm_contract parent"
            " WHERE parent.id = contract_id AND parent.status IN ('active', 'ended'))",
        ),
        ClientPolicy("MinerModel", of_machines("hosting_minermodel", "model_id")),
        ClientPolicy("Site", of_machines_or_terms("hosting_site", "site_id")),
        ClientPolicy("Zone", of_machines_or_terms("hosting_zone", "zone_id")),
        ClientPolicy("Rack", of_machines("hosting_rack", "rack_id")),
        ClientPolicy("PricePlan", OF_TERMS.format(plan="hosting_priceplan.id")),
        ClientPolicy(
            "PricePlanVersion",
            f"published_at IS NOT NULL AND {OF_TERMS.format(plan='hosting_priceplanversion.plan_id')}",
        ),
        ClientPolicy("PriceComponent", OF_VERSION),
        ClientPolicy("PriceWindow", OF_COMPONENT),
    ]
