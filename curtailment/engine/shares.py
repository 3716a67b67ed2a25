"""How the ramp of a site is shared out among those who may switch machines on without knowing of each other.

Each part (an edge device, or we ourselves) keeps to its own share in any step, so all together keep to the ramp however
late each of them does what it was told, and also when nobody hears of nobody any more.
"""

from collections.abc import Mapping


def shared_out(total_w: int, parts: Mapping[int, tuple[int, int]]) -> dict[int, int]:
    """Watts in a step for each part, together at most ``total_w``; a part is all its watts and its largest machine.

    Each gets its largest machine, if there is room for those of all, and of the rest what corresponds to its size.
    Where there is no such room it is shared by size alone: somebody's machine may then wait for the server.
    """
    total_w = max(0, total_w)
    whole = sum(watts for watts, _largest in parts.values())
    least = sum(largest for _watts, largest in parts.values())
    if whole == 0:
        return dict.fromkeys(parts, 0)
    if least > total_w:
        return {key: total_w * watts // whole for key, (watts, _largest) in parts.items()}
    return {key: largest + (total_w - least) * watts // whole for key, (watts, largest) in parts.items()}


def next_shares(total_w: int, parts: Mapping[int, tuple[int, int]], floors: Mapping[int, int]) -> dict[int, int]:
    """Shares for the next step, such that before and after the change together nobody exceeds ``total_w``.

    ``floors``: what each may have used within the last step, or may still use because it hears nothing: nobody else
    grows into that.
    """
    target = shared_out(total_w, parts)
    shares = {key: min(watts, floors.get(key, 0)) for key, watts in target.items()}
    taken = {key: max(shares.get(key, 0), floors.get(key, 0)) for key in {*shares, *floors}}
    for key in sorted(parts):
        more = max(0, min(target[key] - shares[key], taken[key] - shares[key] + total_w - sum(taken.values())))
        shares[key] += more
        taken[key] = max(taken[key], shares[key])
    return shares
