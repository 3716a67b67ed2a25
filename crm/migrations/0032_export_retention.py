"""Provisional exports may be deleted once they are old; those of closed months stay. The list of a ZIP is kept."""

from django.db import migrations, models

KEPT = """
CREATE FUNCTION crm_export_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.is_provisional AND OLD.made_at < now() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'an export for accounting is written once; only an old provisional one is deleted'
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE OR REPLACE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_accountingexport
    FOR EACH ROW EXECUTE FUNCTION crm_export_kept();
"""
ONCE = """
CREATE OR REPLACE TRIGGER aa_guard BEFORE UPDATE OR DELETE ON crm_accountingexport
    FOR EACH ROW EXECUTE FUNCTION crm_insert_once();
DROP FUNCTION crm_export_kept();
"""


class Migration(migrations.Migration):
    """The list of files, and which exports may go."""

    dependencies = [("crm", "0031_opening_balances")]

    operations = [
        migrations.AddField(
            model_name="accountingexport",
            name="frozen",
            field=models.JSONField(
                editable=False,
                help_text=(
                    "Of a month of documents: the stored documents, the names they have in it, and the list itself."
                ),
                null=True,
                verbose_name="files in it",
            ),
        ),
        migrations.RunSQL(KEPT, ONCE),
    ]
