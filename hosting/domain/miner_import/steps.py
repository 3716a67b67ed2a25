"""The steps of an import: upload, dry run, confirmation by a person, entering. Each may be run twice and be killed."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _

from hashinsight.common.audit import audit_context
from hashinsight.common.context import current_request_id, request_id_scope
from hashinsight.common.errors import DomainError
from hashinsight.common.imports import Limits, SheetRows, read_sheet
from hashinsight.common.transitions import lock_for_move, lock_row
from hashinsight.jobs.domain.work import require_work
from hashinsight.jobs.enums import WorkQueue
from hosting.domain.entering import enter_miners
from hosting.domain.miner_import.plan import Plan, Problem, make_plan
from hosting.domain.miner_import.words import in_words
from hosting.engine.miner_files import COLUMNS, REQUIRED, MinerRow, column_of, read_row
from hosting.enums import IMPORT_MOVES, ImportState
from hosting.models import MinerImport

WORK = "hosting.miner_import"
LIMITS = Limits(bytes=4_700_000, rows=25_000)
# Up to this size a person waits for the answer; a larger file is worked on in the background.
AT_ONCE_BYTES = 60_000
# Files that came to nothing go when the next one comes; what was imported is kept, without its content.
KEEP_LOOSE_ENDS = timedelta(days=30)
_LOOSE_ENDS = (ImportState.UPLOADED, ImportState.CHECKED, ImportState.REFUSED, ImportState.FAILED)


class ImportRefused(DomainError):
    """The import cannot go on like this."""

    code = "import_refused"


def _nobody(done: int) -> None:
    """Told how many machines are entered."""


def read_file(content: bytes, name: str) -> SheetRows:
    """The rows of a file with its headings in any of their forms. Raises FileRefused."""
    return read_sheet(content, name, known=COLUMNS, required=REQUIRED, limits=LIMITS, column_of=column_of)


@transaction.atomic
def receive(content: bytes, *, name: str, by: Any, at: datetime) -> MinerImport:
    """Keep an uploaded file; a large one is tried in the background. Raises FileRefused for what is no table."""
    read_file(content, name)
    MinerImport.objects.filter(state__in=_LOOSE_ENDS, created_at__lt=at - KEEP_LOOSE_ENDS).delete()
    kept = MinerImport(
        file_name=name[:200], sha256=hashlib.sha256(content).hexdigest(), content=content, uploaded_by=by,
        request_id=current_request_id() or "", created_at=at,
    )  # fmt: skip
    kept.full_clean(exclude=["content"])
    kept.save()
    if len(content) <= AT_ONCE_BYTES:
        return check(kept, at=at)
    require_work(WORK, key=f"{kept.pk}:check", payload=_payload(kept), at=at, queue=WorkQueue.INTERACTIVE)
    return kept


def _payload(kept: MinerImport) -> dict[str, Any]:
    return {"import_id": kept.pk, "language": get_language() or "en"}


def plan_of(kept: MinerImport, *, at: datetime) -> tuple[Plan, int]:
    """What the file would do, and how many rows it has. Problems stand in the order of their lines."""
    sheet = read_file(bytes(kept.content), kept.file_name)
    rows: list[MinerRow] = []
    problems: list[Problem] = []
    for line, cells in zip(sheet.lines, sheet.rows, strict=True):
        row, findings = read_row(line, dict(zip(sheet.headers, cells, strict=True)))
        problems += [(line, in_words(one)) for one in findings]
        if row is not None:
            rows.append(row)
    plan = make_plan(rows, at=at)
    plan.problems = sorted([*problems, *plan.problems], key=lambda problem: problem[0] or 0)
    return plan, len(sheet.rows)


@transaction.atomic
def check(kept: MinerImport, *, at: datetime) -> MinerImport:
    """The dry run: says what the file would do, and writes nothing of it."""
    plan, count = plan_of(kept, at=at)
    to = ImportState.REFUSED if plan.problems else ImportState.CHECKED
    locked = lock_for_move(kept, field="state", to=to, moves=IMPORT_MOVES)
    locked.state = to
    _report(locked, plan, count)
    locked.save()
    return locked.reload()


def _report(kept: MinerImport, plan: Plan, count: int) -> None:
    kept.problems = [list(problem) for problem in plan.problems]
    kept.report = {
        "rows": count,
        "new": len(plan.entries),
        "unchanged": plan.unchanged,
        "problems": len(plan.problems),
        "zones": plan.zones,
        "customers": plan.customers,
    }


@transaction.atomic
def confirm(kept: MinerImport, *, sha256: str, by: Any, at: datetime) -> MinerImport:
    """Have the file that was looked at imported. Raises ImportRefused for another file, MoveRefused by its state."""
    locked = lock_for_move(kept, field="state", to=ImportState.CONFIRMED, moves=IMPORT_MOVES)
    if sha256 != locked.sha256 or hashlib.sha256(bytes(locked.content)).hexdigest() != locked.sha256:
        raise ImportRefused(_("This is not the file whose dry run you looked at."))
    locked.state, locked.confirmed_by, locked.confirmed_at = ImportState.CONFIRMED, by, at
    locked.request_id = current_request_id() or locked.request_id
    locked.save()
    if len(locked.content) <= AT_ONCE_BYTES:
        return carry_out(locked, at=at)
    require_work(WORK, key=f"{locked.pk}:enter", payload=_payload(locked), at=at, queue=WorkQueue.INTERACTIVE)
    return locked.reload()


@transaction.atomic
def carry_out(kept: MinerImport, *, at: datetime, progress: Callable[[int], None] = _nobody) -> MinerImport:
    """Enter the machines of a confirmed file, all or none, in one transaction and under one request id.

    What has changed since the dry run makes it fail as a whole, saying what. Once done the content is not kept.
    """
    locked = lock_row(kept)
    if locked.state != ImportState.CONFIRMED:
        return locked
    plan, count = plan_of(locked, at=at)
    if not plan.problems:
        try:
            with (
                transaction.atomic(),
                request_id_scope(locked.request_id),
                audit_context(actor=locked.confirmed_by, source="import", reason=f"{WORK} {locked.public_id}"),
            ):
                enter_miners(plan.entries, by=locked.confirmed_by, at=at, progress=progress)
        except DomainError as refusal:
            plan.problems = [(None, str(refusal))]
        except IntegrityError:
            plan.problems = [(None, _("Somebody else entered one of these machines or took one of these places."))]
    to = ImportState.FAILED if plan.problems else ImportState.DONE
    moved = lock_for_move(locked, field="state", to=to, moves=IMPORT_MOVES)
    moved.state = to
    _report(moved, plan, count)
    if to == ImportState.DONE:
        moved.done_at, moved.content = at, b""
    moved.save()
    return moved.reload()


def work_on(
    import_id: int, *, language: str, at: datetime, finish: Callable[[], bool], progress: Callable[[int], None]
) -> None:
    """The next step of an import that waits for one; its end and that of the work in one transaction."""
    with transaction.atomic(), override(language):
        kept = MinerImport.objects.filter(pk=import_id).first()
        if kept is not None and kept.state == ImportState.UPLOADED:
            check(kept, at=at)
        elif kept is not None and kept.state == ImportState.CONFIRMED:
            carry_out(kept, at=at, progress=progress)
        finish()
