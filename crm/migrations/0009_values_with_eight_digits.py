"""The value of deals and leads gets room for satoshi, without rewriting a table.

``numeric(20, 2)`` becomes plain ``numeric``: that changes the catalogue only, where ``numeric(24, 8)`` would write
every row anew under an exclusive lock. What the type no longer says, a check says; it is added unchecked here and
proved in the next migration, while everybody reads and writes. Old code, which sends two digits, still fits.
"""

from django.core.validators import MinValueValidator
from django.db import migrations

import hashinsight.common.money

TABLES = ("deal", "lead")
_FITS = "value >= 0 AND value < 1e16 AND scale(value) <= 8"

WIDEN = "".join(
    f"""
ALTER TABLE crm_{name} DROP CONSTRAINT crm_{name}_value_not_negative;
ALTER TABLE crm_{name} ALTER COLUMN value TYPE numeric;
ALTER TABLE crm_{name} ADD CONSTRAINT crm_{name}_value_not_negative CHECK (value >= 0) NOT VALID;
ALTER TABLE crm_{name} ADD CONSTRAINT crm_{name}_value_fits CHECK ({_FITS}) NOT VALID;
ALTER TABLE crm_{name}event ALTER COLUMN value TYPE numeric;
"""
    for name in TABLES
)
NARROW = "".join(
    f"""
ALTER TABLE crm_{name} DROP CONSTRAINT crm_{name}_value_fits;
ALTER TABLE crm_{name} ALTER COLUMN value TYPE numeric(20, 2);
ALTER TABLE crm_{name}event ALTER COLUMN value TYPE numeric(20, 2);
"""
    for name in TABLES
)


def _field(label: str, **more: object) -> hashinsight.common.money.MoneyField:
    return hashinsight.common.money.MoneyField(
        decimal_places=8, max_digits=24, validators=[MinValueValidator(0)], verbose_name=label, **more
    )


class Migration(migrations.Migration):
    """Money of one shape everywhere: 16 digits before the point, 8 after it."""

    dependencies = [("crm", "0008_numbers_have_documents")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(WIDEN, NARROW)],
            state_operations=[
                migrations.AlterField("deal", "value", _field("value")),
                migrations.AlterField("dealevent", "value", _field("value")),
                migrations.AlterField("lead", "value", _field("expected value", null=True, blank=True)),
                migrations.AlterField("leadevent", "value", _field("expected value", null=True, blank=True)),
            ],
        )
    ]
