"""A request stays as it was made, is decided once, and is never lost: held by the database for every login."""

from django.db import migrations

GUARD = """
CREATE FUNCTION approvals_request_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    loose text[] := ARRAY['version', 'updated_at'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a request for approval is kept' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'pending' OR NEW.decided_by_id IS NOT NULL OR NEW.executed_at IS NOT NULL THEN
            RAISE EXCEPTION 'a request for approval begins undecided' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = 'pending' THEN
        loose := loose || ARRAY['state', 'decided_by_id', 'decided_at', 'decision_note', 'last_refusal'];
        IF NEW.state = 'approved' THEN
            loose := loose || ARRAY['executed_at', 'result'];
        END IF;
    ELSIF OLD.state = 'approved' AND OLD.executed_at IS NULL THEN
        loose := loose || ARRAY['executed_at', 'result'];
    END IF;
    IF (to_jsonb(NEW) - loose) IS DISTINCT FROM (to_jsonb(OLD) - loose) THEN
        RAISE EXCEPTION 'a request for approval stays as it was made and decided'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE INSERT OR UPDATE OR DELETE ON approvals_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION approvals_request_guard();
CREATE FUNCTION approvals_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% cannot be emptied', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER aa_truncate BEFORE TRUNCATE ON approvals_approvalrequest EXECUTE FUNCTION approvals_no_truncate();

-- At the end of the transaction: approved means done. Nobody can keep an approval in store.
CREATE FUNCTION approvals_request_done() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM approvals_approvalrequest
               WHERE id = NEW.id AND state = 'approved' AND executed_at IS NULL) THEN
        RAISE EXCEPTION 'an approved request is carried out at once' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER zz_done AFTER UPDATE ON approvals_approvalrequest
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION approvals_request_done();
"""

UNGUARD = """
DROP TRIGGER zz_done ON approvals_approvalrequest;
DROP TRIGGER aa_truncate ON approvals_approvalrequest;
DROP TRIGGER aa_guard ON approvals_approvalrequest;
DROP FUNCTION approvals_request_done();
DROP FUNCTION approvals_no_truncate();
DROP FUNCTION approvals_request_guard();
"""


class Migration(migrations.Migration):
    """Guards of the requests."""

    dependencies = [("approvals", "0001_initial")]

    operations = [migrations.RunSQL(GUARD, UNGUARD)]
