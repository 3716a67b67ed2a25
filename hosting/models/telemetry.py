"""Time series of machines: what they said (raw), five minutes, days, and the newest of each.

The three series are partitioned by time in the database (migration 0003) and known to Django as unmanaged models:
no foreign key points to or from them, no admin shows them, pages over them use a keyset ``(time, miner)``. Figures
are ``real``: telemetry is no money. NULL means that nobody said it.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from hashinsight.common.scoping import ScopedQuerySet
from hosting.enums import PowerSource, ReadingSource, TelemetryState


class TelemetryQuerySet(ScopedQuerySet):
    """Rows of machines; a client sees those stamped with own customers, that is of the time of owning the machine."""

    scope_path = "customer_id"


class _Figures(models.Model):
    """Columns that a reading has, in the units of the catalogue."""

    hashrate_ths = models.FloatField(_("hashrate (TH/s)"), null=True)
    power_w = models.FloatField(_("power (W)"), null=True)
    chip_temp_c = models.FloatField(_("hottest chip (°C)"), null=True)
    board_temp_c = models.FloatField(_("hottest board (°C)"), null=True)
    inlet_temp_c = models.FloatField(_("inlet (°C)"), null=True)
    fan_min_rpm = models.FloatField(_("slowest fan (rpm)"), null=True)
    fan_max_rpm = models.FloatField(_("fastest fan (rpm)"), null=True)
    power_target_w = models.FloatField(_("limit of power (W)"), null=True)
    uptime_s = models.BigIntegerField(_("uptime (s)"), null=True)
    shares_accepted = models.BigIntegerField(_("shares accepted"), null=True)
    shares_rejected = models.BigIntegerField(_("shares rejected"), null=True)
    state = models.SmallIntegerField(_("state"), choices=TelemetryState.choices, null=True)
    power_source = models.SmallIntegerField(
        _("source of the power"), choices=PowerSource.choices, default=PowerSource.NONE
    )

    class Meta:
        abstract = True


class Telemetry(_Figures):
    """One reading of one machine at one moment; of several for the same moment the first stays.

    A row in state ``unreachable`` says that it was asked and gave no answer: its figures are NULL.
    """

    pk = models.CompositePrimaryKey("miner_id", "recorded_at")
    miner_id = models.BigIntegerField(_("miner"))
    recorded_at = models.DateTimeField(pgettext_lazy("figures", "recorded at"))
    customer_id = models.BigIntegerField(_("customer"), null=True)
    source = models.SmallIntegerField(_("source"), choices=ReadingSource.choices)
    clock_skewed = models.BooleanField(_("clock was wrong"), default=False)

    objects = TelemetryQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "hosting_telemetry"
        verbose_name = _("reading")
        verbose_name_plural = _("readings")

    def __str__(self) -> str:
        return f"{self.miner_id} {self.recorded_at:%Y-%m-%d %H:%M:%S}"


class _Rollup(models.Model):
    """What both rollups say of a span. Means are over the samples that stated the figure and were no "unreachable"."""

    customer_id = models.BigIntegerField(_("customer"), null=True)
    expected_samples = models.IntegerField(_("samples expected"))
    samples = models.IntegerField(_("samples"))
    online_samples = models.IntegerField(_("samples that answered"))
    hashrate_samples = models.IntegerField(_("samples with a hashrate"))
    power_samples = models.IntegerField(_("samples with a power"))
    hashrate_ths = models.FloatField(_("mean hashrate (TH/s)"), null=True)
    power_w = models.FloatField(_("mean power (W)"), null=True)
    power_max_w = models.FloatField(_("highest power (W)"), null=True)
    power_source = models.SmallIntegerField(
        _("weakest source of the power"), choices=PowerSource.choices, default=PowerSource.NONE
    )
    chip_temp_max_c = models.FloatField(_("hottest chip (°C)"), null=True)
    board_temp_max_c = models.FloatField(_("hottest board (°C)"), null=True)
    inlet_temp_c = models.FloatField(_("mean inlet (°C)"), null=True)
    fan_min_rpm = models.FloatField(_("slowest fan (rpm)"), null=True)
    fan_max_rpm = models.FloatField(_("fastest fan (rpm)"), null=True)
    restarts = models.IntegerField(_("restarts"))
    shares_accepted = models.BigIntegerField(_("shares accepted in it"), null=True)
    shares_rejected = models.BigIntegerField(_("shares rejected in it"), null=True)

    class Meta:
        abstract = True

    @property
    def coverage(self) -> float:
        """Share of the readings expected that are there, 0 to 1; a machine asked without answer counts as read."""
        return min(1.0, self.samples / self.expected_samples) if self.expected_samples else 0.0

    @property
    def online_ratio(self) -> float | None:
        """Share of the readings that were answered; None where nobody asked."""
        return self.online_samples / self.samples if self.samples else None


class TelemetryFiveMinutes(_Rollup):
    """Five minutes of one machine, begun at a multiple of five minutes; one owner, since owners change at quarters."""

    pk = models.CompositePrimaryKey("miner_id", "bucket_start")
    miner_id = models.BigIntegerField(_("miner"))
    bucket_start = models.DateTimeField(_("start"))

    objects = TelemetryQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "hosting_telemetry_5min"
        verbose_name = _("five minutes of a machine")
        verbose_name_plural = _("five minutes of machines")

    def __str__(self) -> str:
        return f"{self.miner_id} {self.bucket_start:%Y-%m-%d %H:%M}"


class TelemetryDay(_Rollup):
    """A day (UTC) of one machine with one owner; on a day it changed hands there are two."""

    # Not a key of the database: there the owner belongs to it and may be NULL (our own machines).
    pk = models.CompositePrimaryKey("miner_id", "day")
    miner_id = models.BigIntegerField(_("miner"))
    day = models.DateField(_("day"))

    objects = TelemetryQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "hosting_telemetry_day"
        verbose_name = _("day of a machine")
        verbose_name_plural = _("days of machines")

    def __str__(self) -> str:
        return f"{self.miner_id} {self.day}"


class LatestQuerySet(ScopedQuerySet):
    """The newest readings; a client sees those of machines that are own now and were so when they were read."""

    scope_path = "customer_id"


class MinerLatest(_Figures):
    """The newest reading of each machine, for lists, health and commands; rewritten in place, never audited.

    ``power_target_w`` is the limit that it said last: some machines are asked for it more seldom than for the rest.
    """

    miner = models.OneToOneField(
        "hosting.Miner", verbose_name=_("miner"), primary_key=True, on_delete=models.CASCADE, related_name="latest"
    )
    customer = models.ForeignKey(
        "crm.Customer", verbose_name=_("customer"), null=True, on_delete=models.PROTECT, related_name="+"
    )
    recorded_at = models.DateTimeField(pgettext_lazy("figures", "recorded at"))
    received_at = models.DateTimeField(_("received at"))
    answered_at = models.DateTimeField(
        _("answered at"), null=True, help_text=_("The newest reading that was an answer.")
    )

    objects = LatestQuerySet.as_manager()

    class Meta:
        verbose_name = _("newest reading")
        verbose_name_plural = _("newest readings")

    def __str__(self) -> str:
        return f"{self.miner_id} {self.recorded_at:%Y-%m-%d %H:%M:%S}"


class RollupDue(models.Model):
    """Machines whose five minutes must be reckoned (again): written with the readings, removed with the result."""

    bucket_start = models.DateTimeField(_("start"))
    miner_ids = ArrayField(models.BigIntegerField(), verbose_name=_("machines"))
    marked_at = models.DateTimeField(_("marked at"), default=timezone.now)

    class Meta:
        verbose_name = _("five minutes to reckon")
        verbose_name_plural = _("five minutes to reckon")
        indexes = [models.Index(fields=["bucket_start", "id"], name="hosting_rollup_due")]

    def __str__(self) -> str:
        return f"{self.bucket_start:%Y-%m-%d %H:%M}"


class DayDue(models.Model):
    """Machines whose day (UTC) must be reckoned (again) from its five minutes: written and removed as they are."""

    day = models.DateField(_("day"))
    miner_ids = ArrayField(models.BigIntegerField(), verbose_name=_("machines"))
    marked_at = models.DateTimeField(_("marked at"), default=timezone.now)

    class Meta:
        verbose_name = _("day to reckon")
        verbose_name_plural = _("days to reckon")
        indexes = [models.Index(fields=["day", "id"], name="hosting_day_due")]

    def __str__(self) -> str:
        return f"{self.day}"


class UsageDue(models.Model):
    """A quarter-hour of a site whose demand and usage must be reckoned (again).

    A row more than needed costs a look; so none is ever shared: whoever marks writes a row of its own, and the
    reckoner deletes those it saw.
    """

    site = models.ForeignKey("hosting.Site", verbose_name=_("site"), on_delete=models.CASCADE, related_name="+")
    interval_start = models.DateTimeField(_("start"))
    marked_at = models.DateTimeField(_("marked at"), default=timezone.now)

    class Meta:
        verbose_name = _("quarter-hour to reckon")
        verbose_name_plural = _("quarter-hours to reckon")
        indexes = [models.Index(fields=["interval_start", "site", "id"], name="hosting_usage_due")]

    def __str__(self) -> str:
        return f"{self.site_id} {self.interval_start:%Y-%m-%d %H:%M}"


class SeriesPartition(models.Model):
    """A partition of a time series as the database knows it: from its first day to the day after its last."""

    id = models.BigIntegerField(primary_key=True)
    series = models.CharField(_("series"), max_length=63)
    name = models.CharField(_("table"), max_length=63)
    first_day = models.DateField(_("first day"))
    past_day = models.DateField(_("day after the last"))
    begins_at = models.DateTimeField(_("begins at"))

    class Meta:
        managed = False
        db_table = "hosting_series_partition"
        verbose_name = _("partition of a series")
        verbose_name_plural = _("partitions of series")

    def __str__(self) -> str:
        return self.name
