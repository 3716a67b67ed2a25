"""Who may act alone: the beat that leads, a collector that runs for long."""

import pgtrigger
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

_ONLY_FORWARD = """
IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'scheduler locks stay: a deleted one would begin its versions anew'
        USING ERRCODE = 'restrict_violation';
END IF;
IF NEW.lock_version < OLD.lock_version OR (NEW.lock_version = OLD.lock_version AND NEW.holder <> OLD.holder) THEN
    RAISE EXCEPTION 'a new holder of lock % needs a higher version', OLD.lock_key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'jobs_schedulerlock_only_forward';
END IF;
RETURN NEW;
"""


class SchedulerLock(models.Model):
    """A lock that one process holds until ``expires_at`` and prolongs while it lives.

    Time decides only who may take it over. Whether a write counts is decided by ``lock_version``: it rises with every
    new holder, a holder names it with each write, and the database refuses an old one. So a process that slept through
    its own end and wakes up again changes nothing.
    """

    lock_key = models.CharField(_("lock"), max_length=100, primary_key=True)
    lock_version = models.BigIntegerField(_("version"), default=1)
    holder = models.CharField(_("holder"), max_length=200)
    hostname = models.CharField(_("host"), max_length=255)
    process_id = models.PositiveIntegerField(_("process id"))
    acquired_at = models.DateTimeField(_("taken at"), default=timezone.now)
    last_heartbeat = models.DateTimeField(_("heartbeat at"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires at"))

    class Meta:
        verbose_name = _("scheduler lock")
        verbose_name_plural = _("scheduler locks")
        constraints = [
            models.CheckConstraint(condition=models.Q(lock_version__gte=1), name="jobs_schedulerlock_version_positive"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="only_forward",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=_ONLY_FORWARD,
            )
        ]

    def __str__(self) -> str:
        return f"{self.lock_key} v{self.lock_version}"
