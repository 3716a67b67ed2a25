"""Reading the files of a pipeline: each defect is found where it is."""

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from crm.engine.csv_source import TableRefused, read_table
from crm.engine.findings import FindingKind
from crm.engine.pipeline_files import Stage, read_pipeline, shifted
from tests.crm.import_files import PIPELINE, RECORDS, Files

GZ = "sales_pipeline.csv.gz"


def places(folder: Path, kind: FindingKind = FindingKind.ERROR) -> list[tuple[str, int, str]]:
    return [(one.file, one.line, one.column) for one in read_pipeline(folder).findings if one.kind == kind]


def test_clean_files_are_understood_completely(tmp_path: Path) -> None:
    pipeline = read_pipeline(Files().write(tmp_path))
    assert pipeline.errors == []
    assert sum(pipeline.read.values()) == RECORDS
    won = pipeline.opportunities[0]
    assert (won.line, won.product, won.stage, won.value) == (2, "GTX Pro", Stage.WON, Decimal(4514))
    assert (won.engaged_on, won.closed_on) == (date(2016, 10, 25), date(2017, 3, 11))
    assert [one.value for one in pipeline.opportunities[2:5]] == [Decimal(4821), Decimal("55.50"), Decimal("55.50")]
    assert [(one.sector, one.country.code if one.country else "") for one in pipeline.accounts] == [
        ("technology", "US"),
        ("energy", "NO"),
        ("energy", "PH"),
    ]
    assert max(one.closed_on for one in pipeline.opportunities if one.closed_on) == date(2017, 5, 10)


def test_known_defects_are_repaired_and_said_so(tmp_path: Path) -> None:
    assert places(Files().write(tmp_path), FindingKind.REPAIRED) == [
        ("accounts.csv", 2, "sector"),
        ("accounts.csv", 4, "office_location"),
        (GZ, 2, "product"),
    ]


def test_assumptions_are_reported_by_line(tmp_path: Path) -> None:
    assert places(Files().write(tmp_path), FindingKind.REPORTED) == [
        (GZ, 4, "close_value"),
        (GZ, 5, "close_value"),
        (GZ, 6, "account"),
        (GZ, 6, "close_value"),
        (GZ, 7, "account"),
        (GZ, 8, "account"),
        (GZ, 9, "account"),
        (GZ, 9, "close_value"),
    ]


def test_a_repair_leaves_alone_what_is_right(tmp_path: Path) -> None:
    files = Files(products=b"product,series,sales_price\nGTX Pro,GTX,4821\nGTXPro,GTX,9\nRack,R,55.50\n")
    pipeline = read_pipeline(files.write(tmp_path))
    assert pipeline.opportunities[0].product == "GTXPro"


def test_plain_files_subfolder_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    files = Files(packed=False, pipeline=b"\xef\xbb\xbf" + PIPELINE.replace(b"\n", b"\r\n"))
    files.write(tmp_path / "crm")
    pipeline = read_pipeline(tmp_path)
    assert (pipeline.errors, pipeline.read["sales_pipeline"]) == ([], 8)
    assert pipeline.opportunities[7].line == 9


def test_blanks_around_values_are_removed_and_blank_lines_skipped_aloud(tmp_path: Path) -> None:
    files = Files().with_row(b"\nX9, Ada Moor ,Rack,Fjell Kraft,Lost,2017-01-01,2017-01-02,0")
    folder = files.write(tmp_path)
    assert (GZ, 10, "opportunity_id") in places(folder, FindingKind.REPORTED)
    assert (GZ, 11, "sales_agent") in places(folder, FindingKind.REPAIRED)
    assert read_pipeline(folder).opportunities[8].agent == "Ada Moor"


# Each row stands on line 10 of the pipeline and is wrong in one column.
ROWS = {
    "bad date": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-02-30,2017-03-01,1", "engage_date"),
    "date of another form": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-02-01,01.03.2017,1", "close_date"),
    "date without zeros": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-2-1,2017-03-01,1", "engage_date"),
    "arabic digits": ("X,Ada Moor,Rack,Fjell Kraft,Won,٢٠١٧-02-01,2017-03-01,1".encode(), "engage_date"),
    "year 0": (b"X,Ada Moor,Rack,Fjell Kraft,Won,0000-02-01,2017-03-01,1", "engage_date"),
    "far away": (b"X,Ada Moor,Rack,Fjell Kraft,Won,0017-02-01,2017-03-01,1", "engage_date"),
    "closed before engaged": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-01,1", "close_date"),
    "won without close date": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,,1", "close_date"),
    "won without value": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,", "close_value"),
    "negative": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,-1", "close_value"),
    "NaN": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,NaN", "close_value"),
    "infinity": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,inf", "close_value"),
    "exponent": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1e3", "close_value"),
    "thousands": (b'X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,"1,054"', "close_value"),
    "third digit": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1.005", "close_value"),
    "too large": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1234567890123", "close_value"),
    "unknown agent": (b"X,Ada More,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1", "sales_agent"),
    "no agent": (b"X,,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1", "sales_agent"),
    "unknown product": (b"X,Ada Moor,Crate,Fjell Kraft,Won,2017-03-02,2017-03-03,1", "product"),
    "unknown account": (b"X,Ada Moor,Rack,Fjell,Won,2017-03-02,2017-03-03,1", "account"),
    "unknown stage": (b"X,Ada Moor,Rack,Fjell Kraft,Maybe,2017-03-02,2017-03-03,1", "deal_stage"),
    "no stage": (b"X,Ada Moor,Rack,Fjell Kraft,,2017-03-02,2017-03-03,1", "deal_stage"),
    "no id": (b",Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1", "opportunity_id"),
    "id twice": (b"W1,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1", "opportunity_id"),
    "id twice in small letters": (b"w1,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1", "opportunity_id"),
    "id too long": (b"X" * 61 + b",Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1", "opportunity_id"),
    "too many values": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02,2017-03-03,1,2", "number 9"),
    "too few values": (b"X,Ada Moor,Rack,Fjell Kraft,Won,2017-03-02", "close_date"),
    "control character": (b"X,Ada Moor,Rack,Fjell\x07Kraft,Won,2017-03-02,2017-03-03,1", "account"),
    "line break inside": (b'X,Ada Moor,Rack,"Fjell\nKraft",Won,2017-03-02,2017-03-03,1', "account"),
    "NUL": (b"X,Ada Moor,Rack,Fjell Kraft\x00,Won,2017-03-02,2017-03-03,1", "account"),
    "Latin-1": (b"X,Ada Moor,Rack,Fj\xe4ll,Won,2017-03-02,2017-03-03,1", "account"),
    "text after quotes": (b'X,Ada Moor,"Rack"et,Fjell Kraft,Won,2017-03-02,2017-03-03,1', "product"),
    "quotes left open": (b'X,Ada Moor,Rack,"Fjell Kraft,Won,2017-03-02,2017-03-03,1', "account"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_broken_row_is_named_by_file_line_and_column(tmp_path: Path, name: str) -> None:
    row, column = ROWS[name]
    assert places(Files().with_row(row).write(tmp_path)) == [(GZ, 10, column)]


OTHER_FILES = {
    "agent twice": (Files(teams=Files().teams + b"ada moor,Ben Fen,North\n"), ("sales_teams.csv", 4, "sales_agent")),
    "product twice": (Files(products=Files().products + b"Rack,R,56\n"), ("products.csv", 4, "product")),
    "no price": (Files(products=Files().products + b"Box,R,\n"), ("products.csv", 4, "sales_price")),
    "negative price": (Files(products=Files().products + b"Box,R,-0.01\n"), ("products.csv", 4, "sales_price")),
    "account twice": (
        Files(accounts=Files().accounts + b"FJELL KRAFT,energy,2001,87,12,Norway,\n"),
        ("accounts.csv", 5, "account"),
    ),
    "half an employee": (
        Files(accounts=Files().accounts + b"Nova,energy,2001,87,12.5,Norway,\n"),
        ("accounts.csv", 5, "employees"),
    ),
    "unknown parent": (
        Files(accounts=Files().accounts + b"Nova,energy,2001,87,12,Norway,Novum\n"),
        ("accounts.csv", 5, "subsidiary_of"),
    ),
    "own parent": (
        Files(accounts=Files().accounts + b"Nova,energy,2001,87,12,Norway,Nova\n"),
        ("accounts.csv", 5, "subsidiary_of"),
    ),
    "wrong header": (
        Files(products=b"product,series,price\nGTX Pro,GTX,4821\n"),
        ("products.csv", 1, "sales_price"),
    ),
    "header without a column": (Files(products=b"product,series\n"), ("products.csv", 1, "sales_price")),
    "header with one more": (
        Files(products=b"product,series,sales_price,note\n"),
        ("products.csv", 1, "number 4"),
    ),
    "semicolons": (Files(products=b"product;series;sales_price\n"), ("products.csv", 1, "product")),
    "empty file": (Files(products=b""), ("products.csv", 1, "product")),
    "UTF-16": (Files(products="product,series,sales_price\n".encode("utf-16")), ("products.csv", 1, "product")),
    "two of them": (Files(extra={"products.csv.gz": b"x"}), ("products.csv", 1, "")),
}


@pytest.mark.parametrize("name", OTHER_FILES)
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    files, place = OTHER_FILES[name]
    assert place in places(files.write(tmp_path))


def test_each_circle_of_subsidiaries_is_named(tmp_path: Path) -> None:
    rows = b"A,x,2001,8,1,Norway,B\nB,x,2001,8,1,Norway,A\n"
    found = places(Files(accounts=Files().accounts + rows).write(tmp_path))
    assert found == [("accounts.csv", 5, "subsidiary_of"), ("accounts.csv", 6, "subsidiary_of")]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = Files().write(tmp_path)
    (folder / "accounts.csv").unlink()
    assert places(folder) == [("accounts.csv", 1, "")]


@pytest.mark.parametrize("kept", [0, 1, 9, 40, 150, 200, -9, -8, -1])
def test_a_cut_gzip_is_refused_with_the_place_where_it_ends(tmp_path: Path, kept: int) -> None:
    folder = Files().write(tmp_path)
    path = folder / GZ
    path.write_bytes(path.read_bytes()[:kept])
    (found,) = read_pipeline(folder).errors
    assert found.file == GZ
    assert 1 <= found.line <= 10
    assert found.column in PIPELINE.split(b"\n")[0].decode().split(",")


def test_the_place_of_a_cut_is_the_end_of_the_text(tmp_path: Path) -> None:
    stored = gzip.compress(PIPELINE, compresslevel=0, mtime=0)
    end_of_line_three = stored.index(b"L1,") + len(b"L1,Ada Mo")
    (tmp_path / GZ).write_bytes(stored[:end_of_line_three])
    with pytest.raises(TableRefused) as caught:
        read_table(tmp_path / GZ, PIPELINE.split(b"\n")[0].decode().split(","))
    assert (caught.value.finding.line, caught.value.finding.column) == (3, "sales_agent")


def test_a_flipped_bit_in_a_gzip_is_refused(tmp_path: Path) -> None:
    folder = Files().write(tmp_path)
    path = folder / GZ
    content = bytearray(path.read_bytes())
    content[-6] ^= 1  # in the checksum
    path.write_bytes(content)
    assert [place[0] for place in places(folder)] == [GZ]


def test_a_gzip_of_several_members_is_read_whole(tmp_path: Path) -> None:
    folder = Files().write(tmp_path)
    middle = PIPELINE.index(b"E1,")
    (folder / GZ).write_bytes(gzip.compress(PIPELINE[:middle]) + gzip.compress(PIPELINE[middle:]))
    assert read_pipeline(folder).read["sales_pipeline"] == 8


def test_odd_but_usable_values_are_reported_and_taken(tmp_path: Path) -> None:
    accounts = Files().accounts + b"Nova,,12,,,Atlantis,\n"
    rows = b"X,Ada Moor,Rack,Nova,Engaging,2017-01-01,2018-01-01,7\nY,Ada Moor,Rack,Nova,Lost,,,\n"
    rows += b"Z,Ada Moor,Rack,Nova,Won,2017-01-01,2017-01-01,0"
    folder = Files(accounts=accounts).with_row(rows).write(tmp_path)
    found = places(folder, FindingKind.REPORTED)
    assert places(folder) == []
    assert [column for file, _line, column in found if file == "accounts.csv"] == [
        "office_location",
        "year_established",
        "sector",
        "revenue",
        "employees",
    ]
    assert [place[1:] for place in found if place[1] >= 10] == [
        (10, "close_date"),
        (11, "engage_date"),
        (11, "close_date"),
        (11, "close_value"),
        (12, "close_value"),
    ]
    assert read_pipeline(folder).opportunities[8].value == Decimal(7)


def test_a_near_miss_gets_a_hint(tmp_path: Path) -> None:
    row = b"X,Ada Moor,Rack,Fjel Kraft,Won,2017-03-02,2017-03-03,1"
    (found,) = read_pipeline(Files().with_row(row).write(tmp_path)).errors
    assert str(found) == (
        f"{GZ}, line 10, column account: 'Fjel Kraft' is not in accounts.csv; did you mean 'Fjell Kraft'?"
    )


def test_shifting_moves_every_day(tmp_path: Path) -> None:
    pipeline = read_pipeline(Files().write(tmp_path))
    moved = shifted(pipeline, lambda _one: lambda day: day.replace(year=day.year + 9))
    assert max(one.closed_on for one in moved.opportunities if one.closed_on) == date(2026, 5, 10)
    assert moved.opportunities[0].engaged_on == date(2025, 10, 25)
    assert moved.opportunities[3].engaged_on is None
