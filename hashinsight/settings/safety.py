"""Backups, and the history that shows when somebody has meddled."""

from hashinsight.env import env_int, env_list, env_str
from hashinsight.settings.paths import VAR_DIR

BACKUP_DIR = env_str("BACKUP_DIR", str(VAR_DIR / "backups"))
# Where the server archives its log, as seen from here; empty: no base backups, only dumps.
BACKUP_WAL_DIR = env_str("BACKUP_WAL_DIR", "")
# A login that may replicate, read every row (BYPASSRLS, pg_read_all_data) and switch the log file.
BACKUP_DATABASE_URL = env_str("BACKUP_DATABASE_URL", "")
# 32 bytes in base64; empty: the files are not encrypted. Keep it somewhere else than the backups.
BACKUP_KEY = env_str("BACKUP_KEY", "")
BACKUP_KEEP_DAYS = env_int("BACKUP_KEEP_DAYS", 30, minimum=1, maximum=3650)
BACKUP_KEEP_MONTHS = env_int("BACKUP_KEEP_MONTHS", 12, maximum=240)
# The folder with PostgreSQL's programs; empty: they are looked for.
POSTGRES_BIN = env_str("HASHINSIGHT_PG_BIN", "")

PGHISTORY_APPEND_ONLY = True
# Secrets that sign the sealed batches of the history: the first one signs, all verify. Empty: derived from SECRET_KEY.
AUDIT_SEAL_KEYS = env_list("AUDIT_SEAL_KEYS", [])
PGHISTORY_ADMIN_ALL_EVENTS = False
PGHISTORY_INSTALL_CONTEXT_FUNC_ON_MIGRATE = True
