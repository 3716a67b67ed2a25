"""HiGHS, in this process or in one of its own that can be killed. What it answers is data to be checked, no more.

One thread, a time limit and a gap are always set. In a process of its own the solver can run out of memory, crash or
forget the time: whoever waits gets an answer that says so when the time is over.
"""

import io
import math
import os
import select
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol, cast

import numpy as np

from intelligence.engine.optimiser.fleet import Array
from intelligence.engine.optimiser.matrix import Model

OPTIMAL, FEASIBLE, INFEASIBLE, NOTHING = "optimal", "feasible", "infeasible", "nothing"
GRACE_SECONDS, GRACE_SHARE = 1.0, 0.2  # beyond the time limit, before the process is ended; the lesser holds
EMPTY = np.zeros(0)
ROOT = Path(__file__).resolve().parents[3]
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """``status`` is one of the four words above; ``bound`` that of the branch and bound, of the cost."""

    status: str
    values: Array
    row_prices: Array
    column_prices: Array
    bound: float = -math.inf
    why: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long, whole numbers or not, how far from the optimum they may be, and the cost at which to stop."""

    seconds: float
    branch: bool = False  # whole numbers
    gap: float = 0.0
    target: float = -math.inf


class Solver(Protocol):
    """Solves a model under terms."""

    def begin(self) -> object:
        """Get ready, if that takes time."""

    def solve(self, model: Model, terms: Terms) -> Solved:
        """Never raises: what went wrong is in the answer."""


class InProcess:
    """HiGHS here: quick, but it ends with us."""

    def begin(self) -> None:
        """Nothing to start."""

    def solve(self, model: Model, terms: Terms) -> Solved:
        """Solve it now."""
        try:
            return _run(model, terms)
        except Exception as error:  # noqa: BLE001  (whatever a solver does wrong leads to the fallback)
            return failed(f"the solver raised {type(error).__name__}")


class Child:
    """HiGHS in a process of its own, which is ended with the ``with`` block or when it takes too long."""

    def __init__(
        self, command: tuple[str, ...] = (sys.executable, "-m", "intelligence.engine.optimiser.child")
    ) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> "subprocess.Popen[bytes]":
        """Start it, if that has not been done; it loads the solver while we do something else."""
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603  (no shell)
                self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            os.set_blocking(cast("IO[bytes]", self._process.stdin).fileno(), False)
        return self._process

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def solve(self, model: Model, terms: Terms) -> Solved:
        """Ask it; an answer that does not come in time, or comes broken, is none."""
        process = self.begin()
        until = time.monotonic() + terms.seconds + min(GRACE_SECONDS, GRACE_SHARE * terms.seconds)
        try:
            _send(cast("IO[bytes]", process.stdin), {**_parts(model), **_parts(terms)}, until)
            answer = _receive(cast("IO[bytes]", process.stdout), until)
        except TimeoutError:
            process.kill()
            return failed("the solver did not answer in time and was ended")
        except (OSError, EOFError, ValueError, struct.error):
            return failed("the solver died")
        values = {one.name: answer[one.name] for one in fields(Solved)}
        return Solved(
            str(values["status"]), values["values"], values["row_prices"], values["column_prices"],
            float(values["bound"]), str(values["why"]),
        )  # fmt: skip


def failed(why: str) -> Solved:
    """No answer, and why."""
    return Solved(NOTHING, EMPTY, EMPTY, EMPTY, why=why)


def _run(model: Model, terms: Terms) -> Solved:
    import highspy  # noqa: PLC0415  (slow import)

    highs = highspy.Highs()
    for name, value in (
        ("output_flag", False), ("threads", 1), ("random_seed", 0), ("time_limit", float(terms.seconds)),
        ("solver", "choose" if terms.branch else "simplex"), ("mip_rel_gap", 0.0),
        ("mip_abs_gap", max(float(terms.gap), 1e-9)), ("objective_target", float(terms.target)),
    ):  # fmt: skip
        highs.setOptionValue(name, value)
    if highs.passModel(_written(highspy, model, terms.branch)) == highspy.HighsStatus.kError:
        return failed("the solver refused the model")
    highs.run()
    info, solution, status = highs.getInfo(), highs.getSolution(), highs.getModelStatus()
    kinds = highspy.HighsModelStatus
    if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
        return Solved(INFEASIBLE, EMPTY, EMPTY, EMPTY, why="the solver says infeasible")
    if info.primal_solution_status != 2 or (not terms.branch and status != kinds.kOptimal):
        return failed(f"the solver found no plan in time ({highs.modelStatusToString(status)})")
    bound = info.mip_dual_bound if terms.branch else info.objective_function_value
    return Solved(
        OPTIMAL if status == kinds.kOptimal else FEASIBLE, np.array(solution.col_value), np.array(solution.row_dual),
        np.array(solution.col_dual), float(bound),
    )  # fmt: skip


def _written(highspy: Any, model: Model, whole: bool) -> Any:
    """As HiGHS takes it."""
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(model.cost), len(model.row_lower)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = model.cost, model.lower, model.upper
    lp.row_lower_, lp.row_upper_ = model.row_lower, model.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = model.start, model.index, model.value
    if whole:
        kinds = highspy.HighsVarType
        lp.integrality_ = [kinds.kInteger if one else kinds.kContinuous for one in model.whole.tolist()]
    return lp


def _parts(thing: Model | Terms | Solved) -> dict[str, object]:
    return {one.name: getattr(thing, one.name) for one in fields(thing)}


def _send(stream: IO[Any], parts: dict[str, object], until: float) -> None:
    """A length and an archive of arrays, no pickles."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.asarray(part) for name, part in parts.items()})
    data = memoryview(struct.pack("<Q", buffer.tell()) + buffer.getvalue())
    file = stream.fileno()
    while data:
        if not select.select([], [file], [], _left(until))[1]:
            raise TimeoutError
        data = data[os.write(file, data[:CHUNK]) :]


def _receive(stream: IO[Any], until: float) -> dict[str, Array]:
    file = stream.fileno()
    (size,) = struct.unpack("<Q", _read(file, 8, until))
    with np.load(io.BytesIO(_read(file, size, until)), allow_pickle=False) as parts:
        return dict(parts)


def _read(file: int, size: int, until: float) -> bytes:
    found = bytearray()
    while len(found) < size:
        if not select.select([file], [], [], _left(until))[0]:
            raise TimeoutError
        part = os.read(file, min(size - len(found), 1 << 20))
        if not part:
            raise EOFError
        found += part
    return bytes(found)


def _left(until: float) -> float | None:
    return None if math.isinf(until) else max(0.0, until - time.monotonic())


def serve() -> None:
    """The process: solves what comes until nothing comes any more."""
    solver = InProcess()
    try:
        while True:
            asked = _receive(sys.stdin, math.inf)
            model = Model(**{one.name: asked[one.name] for one in fields(Model)})
            terms = Terms(float(asked["seconds"]), bool(asked["branch"]), float(asked["gap"]), float(asked["target"]))
            _send(sys.stdout, _parts(solver.solve(model, terms)), math.inf)
    except (EOFError, OSError):
        return
