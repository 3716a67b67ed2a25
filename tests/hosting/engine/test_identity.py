"""Whether a machine is the one we expect."""

import pytest

from hosting.engine.identity import Difference, Known, differences, same_model


@pytest.mark.parametrize(
    ("ours", "said", "same"),
    [
        ("Antminer S21 200T", "Antminer S21", True),
        ("Antminer S19j Pro 104T", "Antminer S19j Pro", True),
        ("Antminer S19 Pro 110T", "Antminer S19", False),
        ("Antminer S19 XP 140T", "Antminer S19 Pro", False),
        ("WhatsMiner M30S++", "M30S++_VH60", True),
        ("WhatsMiner M30S++", "M30S+_VE40", False),
        ("WhatsMiner M50", "M50S_VK30", False),
        ("Avalon Made A1246", "1246", True),
        ("Avalon Made A1466", "1246", False),
        ("something", "Antminer S21", True),
    ],
)
def test_models_are_compared_by_type_and_grade(ours: str, said: str, same: bool) -> None:
    assert same_model(ours, said) is same
    assert same_model(said, ours) is same


def test_what_one_side_does_not_know_differs_from_nothing() -> None:
    ours = Known("SN1", "00:1A:2B:3C:4D:5E", "Antminer S21")
    assert differences(ours, Known()) == differences(Known(), ours) == ()
    assert differences(ours, Known("sn1", "001a2b3c4d5e", "Antminer S21 Pro")) == (Difference.MODEL,)
    assert differences(ours, Known("SN2", "00:1A:2B:3C:4D:5F")) == (Difference.SERIAL, Difference.MAC)
