"""Files for accounting: the month's documents, the journal, posting batches and sales for other programs."""

from crm.domain.exports.making import ExportPlan, chunks_of, make_export, plan_export
from crm.domain.exports.span import ExportRefused

__all__ = ["ExportPlan", "ExportRefused", "chunks_of", "make_export", "plan_export"]
