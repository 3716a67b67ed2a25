"""From counts to machines that are off or throttled: any counts are met, and nobody's power is changed in vain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intelligence.engine.optimiser.turns import who_is_lower, who_is_off


def test_whoever_is_throttled_stays_so_and_counts_are_met() -> None:
    off, eco, low = [0, 1, 1, 0, 0], [2, 2, 1, 3, 0], [0, 1, 2, 0, 0]
    found = who_is_lower([1, 2, 3, 4, 5], off, [eco, low], begins_on=True)
    assert found == [{1: 1, 2: 1}, {1: 0, 2: 1, 3: 1, 4: 2}, {1: 0, 2: 1, 4: 2, 3: 2}, {2: 1, 1: 1, 3: 1}, {}]
    with pytest.raises(ValueError, match="more machines are throttled than run"):
        who_is_lower([1, 2], [1], [[2]], begins_on=True)


@given(st.data())
def test_turns_meet_any_counts_with_the_fewest_changes_of_power(data: st.DataObject) -> None:
    """Of one mode: a change more than the counts ask for is never made, and who is off is as without modes."""
    count = data.draw(st.integers(1, 8))
    off = data.draw(st.lists(st.integers(0, count), min_size=1, max_size=12))
    eco = [data.draw(st.integers(0, count - one)) for one in off]
    machines = list(range(count))
    found = who_is_lower(machines, off, [eco], begins_on=True)
    resting = who_is_off(machines, off, begins_on=True)
    for step, (now, rest) in enumerate(zip(found, resting, strict=True)):
        assert {one for one, mode in now.items() if mode == 0} == rest
        assert sum(mode == 1 for mode in now.values()) == eco[step]
        if step:
            before = {one for one, mode in found[step - 1].items() if mode == 1} - rest
            after = {one for one, mode in now.items() if mode == 1}
            assert len(before - after) == max(0, len(before) - eco[step])
