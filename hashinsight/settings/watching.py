"""What the house tells those who watch it: figures and logs."""

from hashinsight.env import env_str

# What the monitoring system sends as "Authorization: Bearer …"; empty: /metrics answers this very machine only.
METRICS_TOKEN = env_str("METRICS_TOKEN", "")

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
