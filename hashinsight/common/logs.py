"""Structured logs: one JSON object a line on standard output, each with the request id."""

import json
import logging
from datetime import UTC, datetime

from hashinsight.common.context import current_request_id


class RequestIdFilter(logging.Filter):
    """Put the current request id on each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record."""
        record.request_id = current_request_id()
        return True


class JsonFormatter(logging.Formatter):
    """A line of JSON: time (UTC), level, logger, message, request id, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Control characters are escaped by JSON, so a hostile value cannot forge a line."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", ""),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)
