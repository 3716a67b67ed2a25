"""Deleting what has been kept long enough, a bounded number of rows per statement."""

from datetime import datetime, timedelta

from django.conf import settings

from hashinsight.common.models import IdempotencyRecord

BATCH = 1000


def forget_answers(*, at: datetime, most: int = BATCH) -> int:
    """Delete up to ``most`` idempotency records older than IDEMPOTENCY_KEEP_HOURS, oldest first; returns how many.

    A claim that still runs stays, and so does a key that is taken over this very moment.
    """
    limit = at - timedelta(hours=settings.IDEMPOTENCY_KEEP_HOURS)
    old = IdempotencyRecord.objects.filter(created_at__lt=limit, claimed_until__lt=at)
    oldest = list(old.order_by("created_at", "id").values_list("pk", flat=True)[:most])
    deleted, _per_model = old.filter(pk__in=oldest).delete()
    return deleted
