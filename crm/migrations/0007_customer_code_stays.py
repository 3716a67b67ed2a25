"""The number of a customer stays once documents are numbered with it: given to another, it would make numbers twice."""

from django.db import migrations

KEEP = """
CREATE FUNCTION crm_customer_code_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.code IS DISTINCT FROM OLD.code
       AND EXISTS (SELECT 1 FROM crm_numberseries WHERE customer_id = OLD.id) THEN
        RAISE EXCEPTION 'documents are numbered with customer number %', OLD.code
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'crm_customer_code_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_code_stays BEFORE UPDATE OF code ON crm_customer
    FOR EACH ROW EXECUTE FUNCTION crm_customer_code_guard();
"""

RELEASE = """
DROP TRIGGER aa_code_stays ON crm_customer;
DROP FUNCTION crm_customer_code_guard();
"""


class Migration(migrations.Migration):
    """A guard that every path meets, raw SQL included."""

    dependencies = [("crm", "0006_guards_of_money")]

    operations = [migrations.RunSQL(KEEP, RELEASE)]
