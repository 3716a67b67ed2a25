"""Files people upload: what may arrive at all, and whether a file is what its name says.

Every form field for a file is an :class:`UploadField`; a test of the architecture refuses any other. What is in the
file is the business of whoever reads it (``imports``, ``crm.documents.logos``); here stands what holds for all.
"""

import io
import re
import zipfile
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopFutureHandlers
from django.utils.translation import gettext as _

# No form takes more; a body that says it is larger is read and thrown away, piece by piece.
MOST_REQUEST_BYTES = 5 * 1024 * 1024
MOST_NAME = 150
MOST_ARCHIVE_MEMBERS = 500
MOST_UNPACKED_BYTES = 40 * 1024 * 1024
_CONTROL_OR_PATH = re.compile(r"[\x00-\x1f\x7f/\\:\u202a-\u202e\u2066-\u2069]")
# How the contents of well-known files begin; none of them is the text of a CSV.
_BEGINNINGS = (
    b"PK\x03\x04", b"PK\x05\x06", b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x7fELF", b"\x1f\x8b",
    b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\xd0\xcf\x11\xe0", b"{\\rtf", b"#!", b"<?xml", b"<!doctype",
    b"<html", b"<svg", b"<script",
)  # fmt: skip


def _is_workbook(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04") and not archive_trouble(content)


def _is_table(content: bytes) -> bool:
    return (
        not content.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(tuple(one.lower() for one in _BEGINNINGS))
    )


def _is_svg(content: bytes) -> bool:
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1000].lower()
    return start.startswith((b"<svg", b"<?xml", b"<!--")) and b"<html" not in start


@dataclass(frozen=True)
class Kind:
    """A kind of file: the endings of its name, the media type, and how its content is recognised."""

    endings: tuple[str, ...]
    media_type: str
    recognised: Callable[[bytes], bool]


CSV = Kind(("csv",), "text/csv", _is_table)
XLSX = Kind(("xlsx",), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", _is_workbook)
PNG = Kind(("png",), "image/png", lambda content: content.startswith(b"\x89PNG\r\n\x1a\n"))
JPEG = Kind(("jpg", "jpeg"), "image/jpeg", lambda content: content.startswith(b"\xff\xd8\xff"))
PDF = Kind(("pdf",), "application/pdf", lambda content: content.startswith(b"%PDF-"))
TEXT = Kind(("txt", "log"), "text/plain", lambda content: b"\x00" not in content and _is_table(content))
SVG = Kind(("svg",), "image/svg+xml", _is_svg)


def archive_trouble(content: bytes) -> str:
    """What is wrong with a ZIP that is to be unpacked: too many files, too much content, a document type; or nothing.

    Each member is unpacked here, in small pieces and never beyond the limit: what an archive says about the size of
    its members is not believed.
    """
    left = MOST_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if len(members) > MOST_ARCHIVE_MEMBERS or sum(one.file_size for one in members) > left:
                return _("The workbook is too large when unpacked.")
            for one in members:
                left -= _unpacked(archive, one, left)
                if left < 0:
                    return _("The workbook is too large when unpacked.")
    except _DeclaresEntities:
        return _("The workbook declares a document type, which no spreadsheet needs.")
    except Exception:  # noqa: BLE001  (broken archives raise many kinds; none is readable)
        return _("The file is no readable XLSX workbook.")
    return ""


class _DeclaresEntities(Exception):
    pass


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> int:
    size, tail = 0, b""
    with archive.open(member) as stream:
        while size <= most and (piece := stream.read(64 * 1024)):
            size += len(piece)
            # Without its zero bytes a text in UTF-16 reads like one in ASCII.
            text = (tail + piece).replace(b"\x00", b"").upper()
            if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                raise _DeclaresEntities
            tail = piece[-32:]
    return size


class UploadField(forms.FileField):
    """A file of known kinds and size; refuses the rest in words for a person, before anything reads it."""

    def __init__(self, *, kinds: Collection[Kind], most_bytes: int, **kwargs: Any) -> None:
        if not kinds or not 0 < most_bytes < MOST_REQUEST_BYTES:
            raise ValueError("an upload names its kinds, and a size below that of a request")
        self.kinds = tuple(kinds)
        self.most_bytes = most_bytes
        super().__init__(max_length=MOST_NAME, **kwargs)

    def kind_of(self, name: str) -> Kind | None:
        """By the ending of the name."""
        ending = name.rpartition(".")[2].lower() if "." in name else ""
        return next((kind for kind in self.kinds if ending in kind.endings), None)

    def to_python(self, data: Any) -> Any:
        """Django's own checks (an empty file, a long name), then ours."""
        upload: Any = super().to_python(data)
        if upload is None:
            return None
        name = upload.name or ""
        if _CONTROL_OR_PATH.search(name) or name.startswith("."):
            raise ValidationError(_("The name of the file holds characters that no name should."), code="name")
        kind = self.kind_of(name)
        if kind is None:
            endings = ", ".join(f".{ending}" for one in self.kinds for ending in one.endings)
            raise ValidationError(_("Only these files can be used: %(endings)s.") % {"endings": endings}, code="kind")
        if upload.size > self.most_bytes:
            most = f"{self.most_bytes / 1024 / 1024:g}"
            raise ValidationError(_("The file is larger than %(most)s MB.") % {"most": most}, code="size")
        content = upload.read()
        upload.seek(0)
        if not kind.recognised(content):
            trouble = archive_trouble(content) if kind is XLSX else ""
            raise ValidationError(trouble or _("The content of the file is not what its name says."), code="content")
        upload.content_type = kind.media_type  # what the browser said about it counts nowhere
        return upload


class MeasuredUpload(FileUploadHandler):
    """First of the handlers: a request that is too large is not kept, and its form says so instead of the server."""

    too_large = False

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:
        """The length the web server has made sure of."""
        self.too_large = content_length > MOST_REQUEST_BYTES

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Take the file away from the handlers that would keep it."""
        super().new_file(*args, **kwargs)
        if self.too_large:
            raise StopFutureHandlers

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Thrown away, or handed on."""
        return None if self.too_large else raw_data

    def file_complete(self, file_size: int) -> Any:
        """In the place of the file its name and size, so that the field can refuse it."""
        if not self.too_large:
            return None
        stand_in = SimpleUploadedFile(self.file_name or "file", b"")
        stand_in.size = max(file_size, MOST_REQUEST_BYTES)
        return stand_in
