"""The import as a whole: everything in one transaction, or nothing."""

from typing import Any

from django.db import connection, transaction

from crm.domain.pipeline_import.catalogue import store_accounts, store_products
from crm.domain.pipeline_import.opportunities import People, store_opportunities
from crm.domain.pipeline_import.people import store_agents
from crm.domain.pipeline_import.report import ImportReport, PipelineRefused
from crm.domain.pipeline_import.wish import SOURCE, ImportWish
from crm.engine.pipeline_files import Pipeline
from hashinsight.common.audit import audit_context


def import_pipeline(pipeline: Pipeline, wish: ImportWish, *, by: Any = None) -> ImportReport:
    """Store a pipeline; records that are here already stay as they are. Raises PipelineRefused when it has errors.

    One import at a time: a second one waits, and then finds everything unchanged. A dry run does all of it and
    takes it back.
    """
    report = ImportReport.of(pipeline, dry_run=wish.dry_run)
    if pipeline.errors:
        report.refuse_all()
        report.settle()
        raise PipelineRefused(report)
    with transaction.atomic(), audit_context(reason="import of a sales pipeline", source=SOURCE):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [SOURCE])
        users = store_agents(pipeline, wish, report)
        products = store_products(pipeline, wish, report)
        customers = store_accounts(pipeline, wish, report, by)
        store_opportunities(pipeline, People(users, products, customers), wish, report, by)
        transaction.set_rollback(wish.dry_run)
    report.settle()
    return report
