"""The product's own processes: web, three workers, beat and the relay of events."""

import http.client
import shutil
import socket
from dataclasses import replace

from hashinsight.devtools.console import Refusal
from hashinsight.devtools.environment import Endpoints, child_env
from hashinsight.devtools.paths import Place
from hashinsight.devtools.processes import Program, python_program

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
FLEET_PORT = 34028  # of the simulated machines, as hashinsight.demo.simulated says
CELERY = "hashinsight.celery:app"


def choose_port(wanted: int | None) -> int:
    """The wanted port when it is free (0: any free one); never silently another."""
    port = DEFAULT_PORT if wanted is None else wanted
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            hint = "choose another one: ./dev run --port 8001" if wanted is None else "choose another one with --port"
            raise Refusal(f"port {port} on {HOST} cannot be used ({error.strerror}); {hint}") from error
        return int(probe.getsockname()[1])


def with_port(endpoints: Endpoints, port: int) -> Endpoints:
    return replace(endpoints, base_url=f"http://{HOST}:{port}")


def is_free(port: int) -> bool:
    """Nobody listens on any address of this computer; only looked at, nothing stays bound."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
        return True


def fleet_program(place: Place, endpoints: Endpoints) -> Program | None:
    """The simulated machines of the demo; None where somebody has their port already (another demo, most likely)."""
    if not is_free(FLEET_PORT):
        return None
    env = child_env(place, endpoints)
    return python_program("fleet", "hashinsight.demo.simulated", [], env, place, nice=5)


def meter_program(place: Place, endpoints: Endpoints) -> Program:
    """The meter of the demo, read by the minute while its machines are simulated."""
    return python_program("meter", "django", ["read_demo_meter"], child_env(place, endpoints), place, nice=5)


def product_programs(place: Place, endpoints: Endpoints, port: int) -> list[Program]:
    """In the order they are started; the bulk worker yields to everything a person waits for."""
    env = child_env(place, endpoints)
    web = ["--bind", f"{HOST}:{port}", "--worker-class", "gthread", "--workers", "2", "--threads", "6"]
    web += ["--no-control-socket", "--graceful-timeout", "5", "--timeout", "90", "--access-logfile", "-"]
    beat = [
        "-A",
        CELERY,
        "beat",
        "--loglevel",
        "INFO",
        "--pidfile=",
        "--schedule",
        str(place.run / "beat-schedule"),
    ]
    return [
        _with_figures(python_program("web", "gunicorn", [*web, "hashinsight.wsgi:application"], env, place), place),
        python_program("worker", "celery", _worker("main", "interactive,default", 2), env, place),
        python_program("beat", "celery", beat, env, place),
        python_program("relay", "django", ["run_relay"], env, place),
        *([python_program("sinks", "django", ["run_relay", "--sinks"], env, place)] if _has_sinks(env) else []),
        python_program("collector", "celery", _worker("collector", "collection", 1), env, place, nice=5),
        python_program("controller", "celery", _worker("controller", "control", 1), env, place),
        python_program("bulk", "celery", _worker("bulk", "bulk", 1), env, place, nice=10),
    ]


def _has_sinks(env: dict[str, str]) -> bool:
    """Events go to Kafka as well: by a process of its own, which nobody else waits for."""
    return bool(env.get("KAFKA_BOOTSTRAP_SERVERS"))


def _with_figures(web: Program, place: Place) -> Program:
    """The web processes count their requests together, in a folder that is empty at each start."""
    folder = place.run / "figures"

    def empty() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

    return replace(web, env={**web.env, "PROMETHEUS_MULTIPROC_DIR": str(folder)}, before=empty)


def _worker(name: str, queues: str, processes: int) -> list[str]:
    options = ["--queues", queues, "--concurrency", str(processes), "--hostname", f"{name}@%h"]
    return ["-A", CELERY, "worker", "--loglevel", "INFO", "--without-mingle", "--without-gossip", *options]


def answers_ready(port: int) -> bool:
    """GET /health/ready says 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health/ready", headers={"Host": f"{HOST}:{port}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
