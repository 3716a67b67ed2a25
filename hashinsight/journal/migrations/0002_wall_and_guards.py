"""What somebody wrote stays as it is; clients see what was written for them."""

from django.db import migrations

from hashinsight.common.rls import CUSTOMER_IDS, ClientPolicy

OWN = f"client_visible AND customer_id = ANY ({CUSTOMER_IDS})"

# The author alone may become empty: a person can be deleted, what they wrote remains.
GUARD = """
CREATE FUNCTION journal_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    spared text[] := ARRAY['author_id', 'updated_at', 'version'];
BEGIN
    IF to_jsonb(NEW) - spared IS DISTINCT FROM to_jsonb(OLD) - spared OR to_jsonb(NEW) ->> 'author_id' IS NOT NULL THEN
        RAISE EXCEPTION 'rows of % are written once', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE ON journal_note FOR EACH ROW EXECUTE FUNCTION journal_written_once();
CREATE TRIGGER aa_guard BEFORE UPDATE ON journal_attachment FOR EACH ROW EXECUTE FUNCTION journal_written_once();
CREATE FUNCTION journal_content_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the content of a file never changes' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER aa_guard BEFORE UPDATE ON journal_attachmentcontent FOR EACH ROW EXECUTE FUNCTION journal_content_once();
"""
UNGUARD = """
DROP TRIGGER aa_guard ON journal_attachmentcontent;
DROP FUNCTION journal_content_once();
DROP TRIGGER aa_guard ON journal_attachment;
DROP TRIGGER aa_guard ON journal_note;
DROP FUNCTION journal_written_once();
"""


class Migration(migrations.Migration):
    """Guards and row security."""

    dependencies = [("journal", "0001_initial")]

    operations = [
        migrations.RunSQL(GUARD, UNGUARD),
        ClientPolicy("Note", OWN),
        ClientPolicy("Attachment", OWN),
        ClientPolicy(
            "AttachmentContent", "EXISTS (SELECT 1 FROM journal_attachment parent WHERE parent.id = attachment_id)"
        ),
    ]
