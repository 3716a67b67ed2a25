"""Delete what the retention policies say is old enough, or say what that would be."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from hashinsight.jobs.domain import retention
from hashinsight.jobs.models import RetentionPolicy


class Command(BaseCommand):
    """``manage.py retention --dry-run``: counts and examples; without it the policies run now."""

    help = "Runs the retention policies now; with --dry-run it says what they would delete, and deletes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """All policies, or one."""
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--kind", help="one kind only, e.g. jobs.runs")

    def handle(self, *args: Any, **options: Any) -> None:
        """A line per policy."""
        retention.seed_policies()
        policies = RetentionPolicy.objects.filter(is_enabled=True).order_by("kind")
        if options["kind"]:
            policies = policies.filter(kind=options["kind"])
            if not policies:
                raise CommandError(f"There is no enabled policy for {options['kind']}.")
        for policy in policies:
            if options["dry_run"]:
                self._preview(policy)
            else:
                report = retention.run_policy(policy, at=timezone.now(), go_on=lambda: True, by="command")
                self.stdout.write(f"{policy.kind}: {report.deleted_count} deleted, older than {report.cutoff:%Y-%m-%d}")

    def _preview(self, policy: RetentionPolicy) -> None:
        found = retention.preview(policy, at=timezone.now())
        more = "more than " if found.is_capped else ""
        self.stdout.write(f"{policy.kind}: {more}{found.count} due, older than {found.cutoff:%Y-%m-%d}")
        for row in found.examples:
            self.stdout.write(f"    {row}")
