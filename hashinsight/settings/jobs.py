"""Workers, beat and their broker: what is lost by nobody, however it is killed."""

from hashinsight.env import cache_from_url, env_int, env_str, env_zone

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
# On RabbitMQ quorum queues. Said here, because Celery asks for messages in another way then: where the vhost alone says
# so, every worker is refused. Nothing is sent with a delay, so the queues Celery makes for that are plain ones.
CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
CELERY_TASK_CREATE_MISSING_QUEUE_TYPE = "quorum"
CELERY_BROKER_NATIVE_DELAYED_DELIVERY_QUEUE_TYPE = "classic"
CELERY_BEAT_SCHEDULER = "hashinsight.jobs.beat:LeaderScheduler"
# Any number of beats may run; one leads, and another one takes over when nothing was heard of it for so long.
BEAT_LOCK_SECONDS = env_int("BEAT_LOCK_SECONDS", 15, minimum=2, maximum=300)
DJANGO_CELERY_BEAT_TZ_AWARE = True
# Where it should be night while old rows are deleted and tables are measured.
MAINTENANCE_ZONE = env_zone("MAINTENANCE_ZONE", "UTC")
CACHES = {"default": cache_from_url("CACHE_URL")}
