"""Taking over a sales pipeline from the files of another system."""

from crm.domain.pipeline_import.report import ImportReport, PipelineRefused
from crm.domain.pipeline_import.run import import_pipeline
from crm.domain.pipeline_import.wish import ImportWish, OfferText

__all__ = ["ImportReport", "ImportWish", "OfferText", "PipelineRefused", "import_pipeline"]
