"""What people write and attach to things."""

from hashinsight.journal.models.entry import Attachment, AttachmentContent, Note

__all__ = ["Attachment", "AttachmentContent", "Note"]
