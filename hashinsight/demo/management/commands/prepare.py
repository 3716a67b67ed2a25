"""Make an installation ready to serve; safe to run at every start."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from hashinsight.common.audit import audit_context
from hashinsight.demo.options import add_demo_options, build_from
from hashinsight.demo.preparation import prepare_database, prepare_rows, prepare_static_files


class Command(BaseCommand):
    """``manage.py prepare``: with the login that owns the database, before web and workers start."""

    help = (
        "Creates the database roles, migrates, brings staff roles and schedules up to date and collects static files;"
        " with --demo or --sample also builds the demo company (once)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which company, if any."""
        company = parser.add_mutually_exclusive_group()
        company.add_argument("--demo", action="store_true", help="build the generated demo company")
        company.add_argument("--no-demo", action="store_true", help="build nothing (the default)")
        company.add_argument("--sample", type=Path, metavar="FOLDER", help="build the demo from the files in FOLDER")
        add_demo_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Step by step, each quick when nothing is to be done."""
        say = self.stdout.write
        prepare_database(say)  # without a context: its labels travel as parameters, and DDL knows none
        with audit_context(actor="system", source="prepare"):
            prepare_rows(say)
        prepare_static_files(say)
        if options["demo"] or options["sample"]:
            build_from(options, say)
