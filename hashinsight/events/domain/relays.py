"""The rows by which people see that relays are alive."""

from datetime import datetime, timedelta

from django.db.models import F

from hashinsight.events.models import RelayProcess

KEPT = timedelta(days=1)


def start_relay(name: str, *, lane: str, at: datetime) -> RelayProcess:
    """A relay begins; rows of processes long gone make room."""
    RelayProcess.objects.filter(heartbeat_at__lt=at - KEPT).delete()
    relay, _created = RelayProcess.objects.update_or_create(
        name=name, defaults={"lane": lane, "started_at": at, "heartbeat_at": at, "stopped_at": None}
    )
    return relay


def beat(relay: RelayProcess, *, handed_on: int, error: str, at: datetime) -> bool:
    """It is alive and has handed on so many events since the last beat; False when its row is gone."""
    mine = RelayProcess.objects.filter(pk=relay.pk)
    return mine.update(heartbeat_at=at, handed_on=F("handed_on") + handed_on, last_error=error[:2000]) == 1


def stop_relay(relay: RelayProcess, *, handed_on: int, at: datetime) -> None:
    """It ends as it was told to."""
    RelayProcess.objects.filter(pk=relay.pk).update(
        heartbeat_at=at, stopped_at=at, handed_on=F("handed_on") + handed_on
    )
