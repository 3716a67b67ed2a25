"""The one database, how many connections each service may open to it, and the wall inside it."""

from hashinsight.env import database_from_url, env_int, env_str
from hashinsight.pool import web_pool, with_pool

DATABASES = {"default": database_from_url("DATABASE_URL")}
DATABASES["default"].update(CONN_MAX_AGE=env_int("DATABASE_CONN_MAX_AGE", 60), CONN_HEALTH_CHECKS=True)
# The web service as a whole has so many connections open, and at a rush so many more; each of its processes a share.
DATABASE_POOL_SIZE = env_int("DATABASE_POOL_SIZE", 10, minimum=1, maximum=500)
DATABASE_POOL_OVERFLOW = env_int("DATABASE_POOL_OVERFLOW", 20, maximum=500)
WEB_PROCESSES = env_int("WEB_PROCESSES", 2, minimum=1, maximum=64)
# How many of the others there are: added up by a system check against what the server allows.
WORKER_PROCESSES = env_int("WORKER_PROCESSES", 3, minimum=1, maximum=500)
BEAT_PROCESSES = env_int("BEAT_PROCESSES", 2, minimum=1, maximum=20)
RELAY_PROCESSES = env_int("RELAY_PROCESSES", 2, minimum=1, maximum=20)
COMMAND_CONNECTIONS = env_int("COMMAND_CONNECTIONS", 5, minimum=1, maximum=50)
if env_str("HASHINSIGHT_ROLE", "-") == "web":  # said by hashinsight/wsgi.py
    DATABASES["default"] = with_pool(
        DATABASES["default"],
        web_pool(size=DATABASE_POOL_SIZE, overflow=DATABASE_POOL_OVERFLOW, processes=WEB_PROCESSES),
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# An outermost transaction where the wall needs one; tests run inside a transaction of their own.
CLIENT_SCOPE_DURABLE = True

# Which customers may this user see: answered by crm, asked by hashinsight.common.scoping.
CUSTOMER_RESOLVER = "crm.domain.queries.customer_ids_for_user"
# What a customer is, for pages of lower apps on which people read or type which one is meant.
CUSTOMER_MODEL = "crm.Customer"
