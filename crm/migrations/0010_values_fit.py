"""Proves that all values fit; needs no lock that would stop readers or writers."""

from django.db import migrations

PROVE = "".join(
    f"ALTER TABLE crm_{table} VALIDATE CONSTRAINT crm_{table}_{name};\n"
    for table in ("deal", "lead")
    for name in ("value_not_negative", "value_fits")
)


class Migration(migrations.Migration):
    """The second half of the widening."""

    dependencies = [("crm", "0009_values_with_eight_digits")]

    operations = [migrations.RunSQL(PROVE, migrations.RunSQL.noop)]
