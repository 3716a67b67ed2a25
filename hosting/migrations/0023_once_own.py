# ruff: noqa: S608  (SQL)
"""Who owned a machine once may ask for the readings of that time: the way from its id to them."""

from django.db import migrations

from hashinsight.common.scoping import CLIENT_ROLE

# The policy of machines hides one that is somebody else's since, and must: it shows how the machine is now. This tells
# whoever asks for it by id whether it ever was one of theirs, and nothing else. Whoever owns the tables asks.
FUNCTION = f"""
CREATE FUNCTION hosting_once_own_miner(asked uuid) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    SELECT machine.id FROM public.hosting_miner machine
     WHERE machine.public_id = asked
       AND EXISTS (SELECT 1 FROM public.hosting_minerownership time_owned
                    WHERE time_owned.miner_id = machine.id
                      AND time_owned.customer_id = ANY ((SELECT public.hashinsight_customer_ids())::bigint[]))
$$;
REVOKE ALL ON FUNCTION hosting_once_own_miner(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hosting_once_own_miner(uuid) TO {CLIENT_ROLE};
"""


class Migration(migrations.Migration):
    """One function."""

    dependencies = [("hosting", "0022_site_energy_series_kind")]

    operations = [migrations.RunSQL(FUNCTION, "DROP FUNCTION hosting_once_own_miner(uuid);")]
