"""Uploads: a file that is too large, of another kind than its name says, or a bomb is refused in clear words."""

import io
import time
import zipfile
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import Workbook
from PIL import Image

from accounts.models import User
from crm.models import Lead, LegalEntity
from hashinsight.common import uploads
from hashinsight.common.imports import FileRefused, read_sheet
from hashinsight.common.uploads import CSV, JPEG, PNG, SVG, XLSX, UploadField

MB = 1024 * 1024
LEADS = "/admin/crm/lead/import/"
SCRIPT = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>'
PLAIN = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><path d="M0 0"/></svg>'


def picture(kind: str) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (4, 4)).save(target, kind)
    return target.getvalue()


def workbook() -> bytes:
    book = Workbook()
    book.active.append(["title"])  # type: ignore[union-attr]
    book.active.append(["One"])  # type: ignore[union-attr]
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def changed(member: str, content: bytes) -> bytes:
    """A real workbook with one of its members replaced, or added."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook())) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != member:
                new.writestr(name, old.read(name))
        new.writestr(member, content)
    return target.getvalue()


def bomb() -> bytes:
    """41 MB of zeros in 40 kB."""
    return changed("xl/media/zeros.bin", b"\x00" * (41 * MB))


def lying_bomb() -> bytes:
    """The same, but its directory says that the member holds ten bytes."""
    content = bytearray(bomb())
    real = (41 * MB).to_bytes(4, "little")
    assert content.count(real) == 2
    return bytes(content.replace(real, (10).to_bytes(4, "little")))


def entities(encoding: str) -> bytes:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY l0 "haha">{levels}]><sst>&l8;</sst>'
    return changed("xl/sharedStrings.xml", text.encode(encoding))


def many_members() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(uploads.MOST_ARCHIVE_MEMBERS + 1):
            archive.writestr(f"xl/{number}.xml", "")
    return target.getvalue()


def field(*kinds: uploads.Kind, most: int = 2 * MB) -> UploadField:
    return UploadField(kinds=kinds, most_bytes=most)


def refusal(one: UploadField, name: str, content: bytes) -> str:
    with pytest.raises(ValidationError) as refused:
        one.clean(SimpleUploadedFile(name, content, content_type="image/png"))
    return " ".join(refused.value.messages)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("rows.csv", b"title,company\n", CSV), ("ROWS.CSV", "\ufeff„title“;x\n".encode(), CSV),
        ("rows.xlsx", workbook(), XLSX), ("a.png", picture("PNG"), PNG), ("a.jpeg", picture("JPEG"), JPEG),
        ("a.jpg", picture("JPEG"), JPEG), ("logo.svg", PLAIN, SVG), ("logo.svg", b'<?xml version="1.0"?>' + PLAIN, SVG),
    ],
)  # fmt: skip
def test_honest_files_pass_with_the_type_we_say(name: str, content: bytes, kind: uploads.Kind) -> None:
    one = SimpleUploadedFile(name, content, content_type="text/html")
    kept = field(CSV, XLSX, PNG, JPEG, SVG).clean(one)
    assert (kept.content_type, kept.read()) == (kind.media_type, content)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.csv", b"", "empty"),
        ("rows.exe", b"x", "Only these files can be used: .csv, .xlsx, .png, .svg."),
        ("rows", b"x", "Only these files"),
        ("rows.csv.exe", b"x", "Only these files"),
        ("rows.csv.", b"x", "Only these files"),
        (".csv", b"x", "characters that no name should"),
        ("inv\u202evsc.csv", b"x", "characters that no name should"),
        ("a\x07.csv", b"x", "characters that no name should"),
        ("x" * 200 + ".csv", b"x", "at most 150 characters"),
        ("rows.csv", b"x" * (2 * MB + 1), "larger than 2 MB"),
        ("rows.csv", workbook(), "not what its name says"),
        ("rows.csv", b"  <ScRiPt>alert(1)</script>", "not what its name says"),
        ("rows.csv", b"\x7fELF\x02", "not what its name says"),
        ("rows.csv", b"%PDF-1.7", "not what its name says"),
        ("rows.xlsx", b"title\n", "no readable XLSX"),
        ("rows.xlsx", workbook()[:-40], "no readable XLSX"),
        ("rows.xlsx", bomb(), "too large when unpacked"),
        ("rows.xlsx", lying_bomb(), "no readable XLSX"),
        ("rows.xlsx", many_members(), "too large when unpacked"),
        ("rows.xlsx", entities("utf-8"), "document type"),
        ("rows.xlsx", entities("utf-16"), "document type"),
        ("a.png", picture("JPEG"), "not what its name says"),
        ("a.png", SCRIPT, "not what its name says"),
        ("a.svg", picture("PNG"), "not what its name says"),
        ("a.svg", b"<!doctype html><html><body><svg></svg>", "not what its name says"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_hostile_files_are_refused_in_words(name: str, content: bytes, says: str) -> None:
    began = time.monotonic()
    assert says in refusal(field(CSV, XLSX, PNG, SVG), name, content)
    assert time.monotonic() - began < 2


def test_control_the_bombs_would_unpack() -> None:
    """What they hold is real: without the check it would all be read."""
    with zipfile.ZipFile(io.BytesIO(bomb())) as archive:
        assert sum(len(archive.read(name)) for name in archive.namelist()) > 41 * MB
    assert len(bomb()) < MB


@pytest.mark.parametrize("content", [bomb(), lying_bomb(), entities("utf-8"), many_members()])
def test_the_reader_does_not_trust_the_form(content: bytes) -> None:
    with pytest.raises(FileRefused):
        read_sheet(content, "a.xlsx", known=["title"], required=[])


def test_cells_far_to_the_right_cost_nothing() -> None:
    """2,000 rows with one cell in column 16,384 each: 33 million cells for a reader that believes in the width."""
    rows = "".join(f'<row r="{n}"><c r="XFD{n}" t="inlineStr"><is><t>x</t></is></c></row>' for n in range(1, 2001))
    sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
    content = changed("xl/worksheets/sheet1.xml", sheet.encode())
    began = time.monotonic()
    with pytest.raises(FileRefused, match="more than 200 columns"):
        read_sheet(content, "a.xlsx", known=["title"], required=[])
    assert time.monotonic() - began < 2


def test_a_field_without_kinds_or_above_the_limit_of_a_request_is_no_field() -> None:
    for kinds, most in (((), MB), ((CSV,), 0), ((CSV,), uploads.MOST_REQUEST_BYTES)):
        with pytest.raises(ValueError, match="an upload names its kinds"):
            UploadField(kinds=kinds, most_bytes=most)


# --- the pages ------------------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.xlsx", bomb(), "too large when unpacked"),
        ("rows.csv", b"x" * (2 * MB + 1), "larger than 2 MB"),
        ("rows.csv", b"x" * (6 * MB), "larger than 2 MB"),
        ("rows.html", b"<script>alert(1)</script>", "Only these files"),
    ],
)
def test_the_import_page_says_what_is_wrong(client: Client, root: User, name: str, content: bytes, says: str) -> None:
    client.force_login(root)
    page = client.post(LEADS, {"file": SimpleUploadedFile(name, content)})
    assert page.status_code == 200
    assert says in page.content.decode()
    assert "token" not in page.context
    assert Lead.objects.count() == 0


@pytest.mark.django_db
def test_of_a_request_that_is_too_large_nothing_is_kept(
    client: Client, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(
        "django.core.files.uploadhandler.TemporaryFileUploadHandler.new_file", lambda *args, **kwargs: kept.append(args)
    )
    client.force_login(root)
    client.post(LEADS, {"file": SimpleUploadedFile("rows.csv", b"x" * (6 * MB))})
    assert kept == []
    with pytest.raises(AttributeError):  # the control: a smaller one does get as far as a file of its own
        client.post(LEADS, {"file": SimpleUploadedFile("rows.csv", b"x" * (3 * MB))})
    assert len(kept) == 1


@pytest.mark.django_db
def test_a_logo_with_a_script_is_refused_on_its_page(client: Client, root: User, legal_entity: LegalEntity) -> None:
    client.force_login(root)
    for name, content, says in (
        ("logo.svg", SCRIPT, "only plain shapes are printed"),
        ("logo.png", SCRIPT, "not what its name says"),
        ("logo.svg", b"x" * (MB + 1), "larger than 1 MB"),
    ):
        page = client.post(
            f"/admin/crm/legalentity/{legal_entity.pk}/change/", {"new_logo": SimpleUploadedFile(name, content)}
        )
        assert says in page.content.decode()
    legal_entity.refresh_from_db()
    assert legal_entity.logo is None
