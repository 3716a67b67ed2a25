"""Scenarios of the dispatch drill in which an OpenADR server calls, sends prices, or is silent."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from curtailment.clients.dispatch_simulator import Vtn as Server
from curtailment.clients.dispatch_simulator import price_event
from curtailment.domain.dispatch import dispatch_watch
from curtailment.domain.dispatch.drill_stage import Stage, ask, connect
from curtailment.domain.dispatch.openadr_prices import code_of
from curtailment.models import Dispatch
from marketdata.domain.prices import best_known
from marketdata.models import PricePoint, PriceSeries


def _event(stage: Stage, program: str, level: int, minutes: float = 30) -> dict[str, Any]:
    start = stage.now.astimezone().isoformat()
    return {
        "programID": program, "eventName": "Drill",
        "intervalPeriod": {"start": start, "duration": f"PT{round(minutes * 60)}S"},
        "intervals": [{"id": 0, "payloads": [{"type": "SIMPLE", "values": [level]}]}],
    }  # fmt: skip


def openadr_event(stage: Stage) -> None:
    for newer in (True, False):
        with Server(newer=newer) as server:
            program = server.add_program("Drill")
            row = connect(stage, server)
            event = server.put_event(_event(stage, program, 3))
            found = ask(stage, row, server)
            stage.check("messages", found and found.messages, 1)
            stage.step(3)
            stage.check_off(4)
            server.put_event(_event(stage, program, 1), event)
            ask(stage, row, server)
            stage.step(3)
            stage.check_off(2, share=Decimal(stage.programme.level_1_percent) / 100)
            server.delete_event(event)
            ask(stage, row, server)
            stage.step(3)
            stage.check_off(0)
            stage.check("registered", [len(server.told("vens")), len(server.told("resources"))], [1, 1])
            row.is_active = False
            row.save()


def silent_server(stage: Stage) -> None:
    with Server() as server:
        program = server.add_program("Drill")
        row = connect(stage, server)
        server.put_event(_event(stage, program, 3))
        ask(stage, row, server)
        stage.step(3)
        server.trouble.silent = True
        found = ask(stage, row, server)
        stage.check("trouble is noted", (bool(found and found.troubles), row.failures), (True, 1))
        stage.check("asked again later", row.not_before is not None and row.not_before > stage.now, True)
        stage.step(10)
        stage.check_off(4)
        server.trouble.silent, server.trouble.no_events = False, True
        ask(stage, row, server)
        stage.step(2)
        stage.check_off(4)
        row.programme.is_drill = False
        row.programme.save()
        silent = [one.key for one in dispatch_watch.silent_servers(stage.now + timedelta(hours=1))]
        stage.check("somebody is told", str(row.public_id) in silent, True)


def openadr_prices(stage: Stage) -> None:
    hour = (stage.now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)

    def known() -> list[str]:
        series = PriceSeries.objects.get(code=code_of(stage.programme))
        rows = best_known(series, start=hour, end=hour + timedelta(hours=3), at=stage.now)
        return [f"{one.value:.3f}" for one in rows]

    with Server() as server:
        program = server.add_program("Drill")
        row = connect(stage, server)
        event = server.put_event(price_event(program, hour, [0.05, 0.31, 0.06]))
        found = ask(stage, row, server)
        stage.check("prices", (found and found.prices, known()), (3, ["0.050", "0.310", "0.060"]))
        stage.check("no dispatch is made of a price", Dispatch.objects.filter(programme=stage.programme).count(), 0)
        stage.step()
        server.put_event(price_event(program, hour, [0.05, 0.35]), event)
        ask(stage, row, server)
        stage.check("changed, and one taken back", known(), ["0.050", "0.350"])
        stage.step()
        wrong: tuple[dict[str, Any], ...] = ({"units": "KVAH"}, {"currency": "XAU"}, {"kind": "EXPORT_PRICE"})
        bad = [server.put_event(price_event(program, hour, [0.4], **one)) for one in wrong]
        found = ask(stage, row, server)
        stage.check("what cannot be kept says why", len(found.troubles) if found else 0, len(bad))
        stage.check("and changes nothing", known(), ["0.050", "0.350"])
        server.trouble.no_events = True
        ask(stage, row, server)
        stage.check("an empty list withdraws nothing", known(), ["0.050", "0.350"])
        server.trouble.no_events = False
        server.delete_event(event)
        stage.step()
        ask(stage, row, server)
        stage.check("withdrawn", known(), [])
        versions = PricePoint.objects.filter(series__code=code_of(stage.programme)).count()
        stage.check("nothing that was known is lost", versions, 3 + 2 + 2)
