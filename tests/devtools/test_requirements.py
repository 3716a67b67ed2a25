"""What is pinned installs, today and after the next release of anything we pin."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hashinsight.devtools.paths import ROOT

LOCKS = ("base", "embedded", "einvoice", "kafka", "dev", "production")


def pinned(text: str) -> dict[str, set[str]]:
    """The name of each pinned package, and the extras it is pinned with."""
    lines = (line.removesuffix("\\").strip() for line in text.splitlines() if line[:1].isalnum())
    found = (Requirement(line) for line in lines)
    return {canonicalize_name(one.name): set(one.extras) for one in found}


def lost_extras(pins: dict[str, set[str]]) -> Iterator[str]:
    """Packages that somebody asks for with an extra which their pin does not name."""
    for name in pins:
        try:
            wishes = requires(name) or []
        except PackageNotFoundError:
            continue
        for wish in map(Requirement, wishes):
            asked_for = any(wish.marker.evaluate({"extra": extra}) for extra in pins[name]) if wish.marker else True
            plain = wish.marker.evaluate({"extra": ""}) if wish.marker else True
            other = canonicalize_name(wish.name)
            if (asked_for or plain) and wish.extras - pins.get(other, wish.extras):
                yield f"{name} asks for {wish}"


def test_pins_name_the_extras_that_are_asked_for():
    """pip looks at the newest release of ``name[extra]`` first and gives up, since that one is not pinned."""
    for lock in LOCKS:
        pins = pinned((ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8"))
        assert list(lost_extras(pins)) == [], f"{lock}.txt: compile with --no-strip-extras, see CONTRIBUTING.md"


def test_control_a_pin_without_its_extra_is_found():
    assert list(lost_extras({"pytest-cov": set(), "coverage": set()})) != []
    assert list(lost_extras({"pytest-cov": set(), "coverage": {"toml"}})) == []
