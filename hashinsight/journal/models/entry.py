"""Notes and attachments. What they are about is named by type and id, its customer by id: no foreign key points up."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hashinsight.common.audit import tracked
from hashinsight.common.models import BaseModel
from hashinsight.common.scoping import ScopedQuerySet

LONGEST_NOTE = 10_000


class EntryQuerySet(ScopedQuerySet):
    """Entries; clients see those written for them."""

    scope_path = "customer_id"
    scope_filter = {"client_visible": True}


class Entry(BaseModel):
    """What notes and attachments share. Written once; nobody edits what somebody else may have read."""

    subject_type = models.CharField(_("about a"), max_length=60, editable=False)  # "hosting.ticket"
    subject_id = models.BigIntegerField(_("number of what it is about"), editable=False)
    customer_id = models.BigIntegerField(_("customer"), null=True, editable=False)
    client_visible = models.BooleanField(
        _("visible to the client"), default=False, help_text=_("The client's users can read it through the API.")
    )
    from_client = models.BooleanField(_("from the client"), default=False, editable=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("author"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
    )

    class Meta:
        abstract = True
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(client_visible=False) | Q(customer_id__isnull=False),
                name="journal_%(class)s_visible_has_customer",
            ),
            models.CheckConstraint(
                condition=Q(from_client=False) | Q(client_visible=True), name="journal_%(class)s_of_client_is_visible"
            ),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "created_at"], name="journal_%(class)s_subject"),
        ]


@tracked()
class Note(Entry):
    """Something somebody wrote about a thing."""

    body = models.TextField(_("text"), max_length=LONGEST_NOTE)

    objects: ClassVar[Any] = EntryQuerySet.as_manager()

    class Meta(Entry.Meta):
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return self.body[:60]


@tracked()
class Attachment(Entry):
    """A file somebody added to a thing; its bytes stand in ``AttachmentContent``."""

    name = models.CharField(_("name"), max_length=150)
    media_type = models.CharField(_("media type"), max_length=100)
    size = models.PositiveIntegerField(_("size (bytes)"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)

    objects: ClassVar[Any] = EntryQuerySet.as_manager()

    class Meta(Entry.Meta):
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")

    def __str__(self) -> str:
        return self.name


class ContentQuerySet(ScopedQuerySet):
    """Bytes; clients fetch those of files sent to them."""

    scope_path = "attachment__customer_id"
    scope_filter = {"attachment__client_visible": True}


class AttachmentContent(models.Model):
    """The bytes of an attachment."""

    attachment = models.OneToOneField(
        Attachment, verbose_name=_("attachment"), primary_key=True, on_delete=models.CASCADE, related_name="content"
    )
    data = models.BinaryField(_("content"))

    objects = ContentQuerySet.as_manager()

    class Meta:
        verbose_name = _("content of an attachment")
        verbose_name_plural = _("contents of attachments")

    def __str__(self) -> str:
        return str(self.attachment_id)
