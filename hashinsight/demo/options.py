"""Options that ``prepare`` and ``build_demo`` share, and the one call behind both."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from hashinsight.common.errors import DomainError
from hashinsight.demo.billing import Say
from hashinsight.demo.build import Wish, build_demo

HOURS = 24  # of readings of the machines, so that charts and usage have something to show


def add_demo_options(parser: ArgumentParser) -> None:
    """Where the credentials go."""
    parser.add_argument(
        "--credentials",
        type=Path,
        metavar="FILE",
        help="where the sign-ins of the demo are written (default: demo-credentials.json in var/)",
    )


def credentials_path(options: dict[str, Any]) -> Path:
    """The file named, or the usual one."""
    return options["credentials"] or Path(settings.VAR_DIR) / "demo-credentials.json"


def build_from(options: dict[str, Any], say: Say) -> None:
    """Build the demo the options ask for; a refusal is one clear line."""
    wish = Wish(at=timezone.now(), sample=options["sample"], hours=HOURS, with_market=True)
    try:
        build_demo(wish, credentials=credentials_path(options), say=say)
    except DomainError as refusal:
        raise CommandError(str(refusal)) from refusal
