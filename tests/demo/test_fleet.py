"""The simulated machines of the demo: how much they tell, and where they listen."""

import socket
from pathlib import Path

import pytest

from hashinsight.demo import options, simulated
from hashinsight.devtools import product


def test_whoever_starts_the_product_gets_a_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []
    monkeypatch.setattr(options, "build_demo", lambda wish, **rest: asked.append(wish))
    options.build_from({"sample": None, "credentials": tmp_path / "c.json"}, print)
    assert (asked[0].hours, asked[0].with_market) == (24, True)


def test_a_port_that_is_taken_is_seen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.77.0.9", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not product.is_free(port)
    assert product.is_free(port)
    assert simulated.PORT == product.FLEET_PORT
