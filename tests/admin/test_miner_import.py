"""The pages of an import of machines, as an operator meets them."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from hosting.domain import places
from hosting.domain.miner_import import steps
from hosting.enums import ImportState
from hosting.models import Miner, MinerImport, MinerModel
from tests import factories
from tests.support.standing import standing

UPLOAD = "/admin/hosting/miner/import/"
HEAD = "serial,model,site,zone\n"


@pytest.fixture
@standing
def hall(db: None) -> None:
    """A zone of 7 kW, and a model of 3.5 kW."""
    site = places.create_site(name="Odessa", capacity_kw=Decimal(100), time_zone="UTC", at=factories.NOW)
    places.create_zone(site=site, name="Hall", capacity_kw=Decimal(7), at=factories.NOW)
    MinerModel.objects.create(name="S21", manufacturer="Bitmain", hashrate_ths=200, power_w=3500)


def send(client: Client, text: str) -> Any:
    return client.post(UPLOAD, {"file": SimpleUploadedFile("farm.csv", text.encode())}, follow=True)


def test_upload_dry_run_confirmation_done(as_root: Client, root: User, hall: None) -> None:
    shown = as_root.get(UPLOAD)
    assert "Up to 25,000 machines." in shown.content.decode()
    page = send(as_root, f"{HEAD}A,S21,Odessa,Hall\nB,S21,Odessa,Hall\n")
    kept = MinerImport.objects.get()
    address = f"/admin/hosting/minerimport/{kept.pk}/"
    assert page.redirect_chain == [(f"{address}change/", 302)]
    assert "The dry run went well." in page.content.decode()
    assert not Miner.objects.exists()
    question = as_root.get(f"{address}confirm/")
    assert kept.sha256 in question.content.decode()
    done = as_root.post(f"{address}confirm/", {"seen": question.context["seen"]}, follow=True)
    assert "All machines of the file are in the fleet." in done.content.decode()
    assert Miner.objects.filter(zone__name="Hall").count() == 2
    assert as_root.get(f"{address}confirm/").status_code == 409


def test_problems_are_shown_and_fetched_as_a_table(as_root: Client, root: User, hall: None) -> None:
    page = send(as_root, HEAD + "".join(f"S{n},S21,Odessa,Hall\n" for n in range(3)) + "=1+1,S21,,\n")
    text = page.content.decode()
    assert "3.5 kW too much" in text
    assert "2 problems" in text
    kept = MinerImport.objects.get()
    file = as_root.get(f"/admin/hosting/minerimport/{kept.pk}/problems/")
    lines = b"".join(file.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "Line,Problem"
    assert [line.partition(",")[0] for line in lines[1:]] == ["", "5"]
    assert kept.state == ImportState.REFUSED


def test_while_it_is_worked_on_the_page_looks_again(
    as_root: Client, root: User, hall: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "AT_ONCE_BYTES", 0)
    page = send(as_root, f"{HEAD}A,S21,,\n")
    assert page["Refresh"] == "3"
    kept = MinerImport.objects.get()
    steps.check(kept, at=factories.NOW)
    assert "Refresh" not in as_root.get(f"/admin/hosting/minerimport/{kept.pk}/change/")


def test_an_export_of_machines_honours_the_filters_and_reads_like_an_import(
    as_root: Client, root: User, hall: None
) -> None:
    send(as_root, f"{HEAD}A,S21,Odessa,Hall\nB,S21,,\n")
    kept = MinerImport.objects.get()
    steps.confirm(kept, sha256=kept.sha256, by=root, at=factories.NOW)
    placed = Miner.objects.get(serial="A")
    file = as_root.get(f"/admin/hosting/miner/export/csv/?site__id__exact={placed.site_id}")
    lines = b"".join(file.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("serial,maker,model,site,zone,rack,slot,customer,address,port,mac,power_w,")
    assert [line.split(",")[:5] for line in lines[1:]] == [["A", "Bitmain", "S21", "Odessa", "Hall"]]
