"""Writing to the journal, and reading it."""

from hashinsight.journal.domain.entries import (
    JournalRefused,
    NewFile,
    add_note,
    attach_file,
    attachments_of,
    notes_of,
    timeline_of,
)

__all__ = ["JournalRefused", "NewFile", "add_note", "attach_file", "attachments_of", "notes_of", "timeline_of"]
