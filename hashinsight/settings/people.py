"""Who signs in and how: passwords, second factors, lock-outs, sessions."""

from datetime import timedelta

from django.urls import reverse_lazy

from hashinsight.env import env_int, env_str

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
CSRF_FAILURE_VIEW = "hashinsight.common.api.outside.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
