"""The PDF itself: archivable, the same bytes everywhere, complete, and reaching for nothing outside."""

import hashlib
import logging
import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
import time_machine
from PIL import Image
from weasyprint import HTML

from crm.documents import press
from crm.documents.data import DocumentData
from crm.documents.fonts import needs_wide_fonts
from crm.documents.logos import Logo
from crm.documents.render import PDF_VARIANT, RenderError, pdf_from_html, render_html, render_pdf
from tests.crm.documents.samples import ROOT, SAMPLES, credit_note, document, line, many_lines, worldly

# WeasyPrint 70 leaves the colour profile it reads to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")
NIGHTLY = bool(os.environ.get("HASHINSIGHT_NIGHTLY"))
SEED = int(os.environ.get("HASHINSIGHT_SEED", "20261120"))
NO_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig></fontconfig>"""


@pytest.fixture(scope="module")
def invoice() -> bytes:
    return render_pdf(document())


def texts(content: bytes) -> list[str]:
    """The text of each page, spaces made one."""
    with pypdfium2.PdfDocument(content) as pdf:
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_bounded().replace("\u00a0", " ")) for page in pdf]


def fonts_of(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Every font descriptor in the file."""
    for item in pdf.objects:
        if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor":
            yield item


def assert_archivable(content: bytes, title: str) -> None:
    """What can be checked of PDF/A-3b without the official validator."""
    with pikepdf.open(BytesIO(content)) as pdf:
        assert not pdf.is_encrypted
        assert len(pdf.trailer["/ID"]) == 2
        assert pdf.Root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
        assert len(pdf.Root["/OutputIntents"][0]["/DestOutputProfile"].read_bytes()) > 1000
        with pdf.open_metadata() as xmp:
            assert xmp.pdfa_status == "3B"
            assert xmp["dc:title"] == title == str(pdf.docinfo["/Title"])
            assert xmp["xmp:CreateDate"] == "2026-11-02T00:00:00Z"
            assert xmp["xmp:ModifyDate"] == "2026-11-02T00:00:00Z"
        assert str(pdf.docinfo["/CreationDate"]) == "D:20261102000000+00'00"
        descriptors = list(fonts_of(pdf))
        assert descriptors
        assert all("/FontFile2" in font or "/FontFile3" in font for font in descriptors)
        for item in pdf.objects:
            if isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
                forbidden = {
                    "/JavaScript",
                    "/JS",
                    "/OpenAction",
                    "/AA",
                    "/URI",
                    "/Launch",
                    "/F",
                    "/EmbeddedFiles",
                }
                assert forbidden & set(item.keys()) == set()
                assert item.get("/Interpolate", False) is False


@pytest.mark.parametrize("make", [document, credit_note, worldly, lambda: many_lines(40)])
def test_each_document_is_archivable(make: Any) -> None:
    data: DocumentData = make()
    title = "Credit note NL-CN-2026-00003" if data.kind == "credit_note" else "Invoice NL-2026-00042"

    assert_archivable(render_pdf(data), title)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "RGB"), ("JPEG", "L")])
def test_raster_logos_keep_the_document_archivable(kind: str, mode: str) -> None:
    buffer = BytesIO()
    Image.new(mode, (60, 30)).save(buffer, kind)

    content = render_pdf(document(logo=Logo(buffer.getvalue(), f"image/{kind.lower()}")))

    assert_archivable(content, "Invoice NL-2026-00042")
    with pikepdf.open(BytesIO(content)) as pdf:
        pictures = [item for item in pdf.objects if isinstance(item, pikepdf.Stream) and "/Width" in item]
    assert pictures


def test_author_and_language_are_named(invoice: bytes) -> None:
    with pikepdf.open(BytesIO(invoice)) as pdf:
        assert str(pdf.docinfo["/Author"]) == "Nordlicht Hosting GmbH"
        assert str(pdf.Root["/Lang"]) == "en"
    with pikepdf.open(BytesIO(render_pdf(document(language="de")))) as pdf:
        assert str(pdf.Root["/Lang"]) == "de"


def test_the_same_data_gives_the_same_bytes_on_another_day(invoice: bytes) -> None:
    with time_machine.travel("2031-05-06 07:08:09"):
        assert render_pdf(document()) == invoice


def test_what_was_printed_before_does_not_matter(invoice: bytes) -> None:
    for make in (credit_note, worldly, lambda: many_lines(3)):
        render_pdf(make())

    assert render_pdf(document()) == invoice


def test_other_processes_give_the_same_bytes(tmp_path: Path) -> None:
    no_fonts = tmp_path / "fonts.conf"
    no_fonts.write_text(NO_FONTS)
    here = {name: hashlib.sha256(render_pdf(make())).hexdigest() for name, make in SAMPLES.items()}
    names = list(SAMPLES)
    surroundings = [
        (names, {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C", "FONTCONFIG_FILE": str(no_fonts)}),
        (["worldly", "invoice"], {"PYTHONHASHSEED": "77", "TZ": "America/New_York", "HOME": str(tmp_path)}),
    ]

    for order, variables in surroundings:
        hashes = hashes_elsewhere(order, {"PATH": os.environ["PATH"], **variables})
        assert dict(zip(order, hashes, strict=True)) == {name: here[name] for name in order}


def hashes_elsewhere(names: list[str], environment: dict[str, str]) -> list[str]:
    """What another process prints for these samples; a warning there is an error."""
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-m", "tests.crm.documents.samples", *names],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert answer.stderr == ""
    return answer.stdout.split()


def test_forked_children_print_the_same_and_leave_their_parent_alone(invoice: bytes) -> None:
    order = ["invoice", "invoice@child", "invoice@child", "invoice", "worldly", "invoice"]

    hashes = hashes_elsewhere(order, {"PATH": os.environ["PATH"]})

    expected = hashlib.sha256(invoice).hexdigest()
    assert [hashed for name, hashed in zip(order, hashes, strict=True) if name != "worldly"] == [expected] * 5


def test_a_changed_word_changes_the_bytes(invoice: bytes) -> None:
    assert render_pdf(document(notes="Thank you.")) != invoice


def test_a_small_invoice_is_one_page_with_every_amount(invoice: bytes) -> None:
    pages = texts(invoice)

    assert len(pages) == 1
    for part in (
        "4,536.00 EUR",
        "861.84 EUR",
        "5,397.84 EUR",
        "16 November 2026",
        "Page 1 of 1",
        "DE89 3704",
    ):
        assert part in pages[0], part


def test_twelve_lines_with_notes_fit_on_one_page() -> None:
    lines = many_lines(12).lines

    assert len(texts(render_pdf(document(*lines, notes="Thank you for your business.")))) == 1


def test_a_long_invoice_repeats_its_head_and_loses_no_line() -> None:
    data = many_lines(60)

    pages = texts(render_pdf(data))

    assert len(pages) == 3
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of 3" in page
        assert page.count("Unit price") == 1
        assert page.count("Invoice NL-2026-00042") == 1
    for item in data.lines:
        assert " ".join(pages).count(item.description) == 1
    assert "2,126.55 EUR" in pages[2]


def test_totals_are_never_alone_on_a_page() -> None:
    lengths = range(17, 29) if NIGHTLY else random.Random(SEED).sample(range(17, 29), 4)
    print(f"HASHINSIGHT_SEED={SEED}: {sorted(lengths)} lines")
    for count in lengths:
        pages = texts(render_pdf(many_lines(count)))
        last = next(page for page in pages if "Total amount" in page)
        assert "Energy of miner" in last, count
        assert "Net total" in last, count
        assert all("Energy of miner" in page for page in pages[:-1]), count


def test_a_description_longer_than_a_page_runs_on() -> None:
    word = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
    story = "\n".join(f"Sentence {number} of a very long story. {word}" for number in range(90))

    pages = texts(render_pdf(document(line(1, description=story), line(2))))

    assert len(pages) >= 3
    for number in range(90):
        assert f"Sentence {number} of" in " ".join(pages)
    assert "9,072.00 EUR" in pages[-1]


def test_huge_figures_stay_on_the_page() -> None:
    content = render_pdf(document(line(1, quantity="123456789.12345678", unit_price="99999.12345678")))

    with pypdfium2.PdfDocument(content) as pdf:
        page = pdf[0]
        boxes = [item.get_bounds() for item in page.get_objects() if item.type == 1]
        right = max(box[2] for box in boxes)
        assert right <= page.get_width() - 20 / 25.4 * 72 + 0.5
    assert "14,691,229,129,589.71 EUR" in " ".join(texts(content))


def test_every_script_is_drawn_and_can_be_read_back() -> None:
    page = texts(render_pdf(worldly()))[0]

    for part in ("深圳比特矿业有限公司", "łódź Ž Ω Ж", "한국 ビットコイン □"):
        assert part in page, part


def test_the_template_gives_weasyprint_nothing_to_complain_about(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("weasyprint")
    before, logger.propagate = logger.propagate, True
    try:
        press._presses.clear()
        for make in (document, credit_note, worldly):
            render_pdf(make())
    finally:
        logger.propagate = before

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/x.png", "file:///etc/hostname", "document-font:../x", "ftp://x/"]
)
@pytest.mark.parametrize(
    "markup",
    [
        '<img src="{}"/>',
        '<link rel="stylesheet" href="{}"/>',
        "<style>@import url({});</style>",
        '<p style="background: url({})">x</p>',
        "<style>@font-face {{ font-family: X; src: url({}) }}</style>",
    ],
)
def test_nothing_outside_the_document_is_fetched(markup: str, address: str) -> None:
    with pytest.raises(RenderError):
        pdf_from_html(render_html(document()).replace("</body>", markup.format(address) + "</body>"))


def test_a_refused_document_does_not_spoil_the_next(invoice: bytes) -> None:
    with pytest.raises(RenderError):
        pdf_from_html('<html><body><img src="http://127.0.0.1:9/"/></body></html>')

    assert render_pdf(document()) == invoice


@pytest.mark.parametrize("markup", ["<p>x", "<!DOCTYPE html [<!ENTITY a 'b'>]><p>&b;</p>", ""])
def test_markup_that_is_not_well_formed_is_refused(markup: str) -> None:
    with pytest.raises(RenderError):
        pdf_from_html(markup)


@pytest.mark.parametrize("make", [*SAMPLES.values(), lambda: document(draft=True, number="", notes="x" * 300)])
def test_our_short_cuts_give_the_bytes_of_plain_weasyprint(make: Any) -> None:
    markup = render_html(make())
    used = press.press(wide=needs_wide_fonts(markup))

    plain = HTML(string=markup, url_fetcher=press.fetcher()).write_pdf(
        stylesheets=[used.stylesheet], font_config=used.fonts, pdf_variant=PDF_VARIANT
    )

    assert pdf_from_html(markup) == plain


def test_threads_share_the_press(invoice: bytes) -> None:
    results: list[bytes] = []
    threads = [threading.Thread(target=lambda: results.append(render_pdf(document()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [invoice] * 4


@pytest.mark.parametrize("writable", [True, False])
def test_fonts_left_by_a_killed_process_are_tidied_up(
    writable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """In our state directory; where that cannot be made, in the system's folder for such things."""
    monkeypatch.setattr(press.tempfile, "tempdir", str(tmp_path))
    (tmp_path / "file").touch()
    settings.VAR_DIR = tmp_path / "state" if writable else tmp_path / "file" / "state"
    shelf = tmp_path / "state" / "fonts" if writable else tmp_path
    shelf.mkdir(parents=True, exist_ok=True)
    abandoned = shelf / f"{press.FOLDER_PREFIX}{os.getuid()}-dead"
    abandoned.mkdir()
    (abandoned / press.LOCK_NAME).touch()
    in_use = press._new_folder()

    another = press._new_folder()

    assert not abandoned.exists()
    assert in_use.exists()
    assert another.exists()
    assert {in_use.parent, another.parent} == {shelf}
