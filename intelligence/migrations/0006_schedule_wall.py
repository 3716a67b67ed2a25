"""A person sees own schedules; those of sites are the house's."""

from django.db import migrations

from hashinsight.common.rls import USER_ID, ClientPolicy

OF_OWN_RUN = "EXISTS (SELECT 1 FROM intelligence_schedulerun run WHERE run.id = run_id)"


class Migration(migrations.Migration):
    """Row security."""

    dependencies = [("intelligence", "0005_schedules")]

    operations = [
        ClientPolicy("ScheduleRun", f"user_id = {USER_ID}"),
        ClientPolicy("ScheduleEntry", OF_OWN_RUN),
    ]
