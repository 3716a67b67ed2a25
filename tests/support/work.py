"""How much the processors worked for something: unlike the clock, a busy machine hardly changes it."""

import os
import time
from pathlib import Path

from django.db import connection

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds() -> float:
    """Seconds of processor time that this process and the server process of its connection have used.

    A database on another machine cannot be looked at: then only our own work counts.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        stat = Path(f"/proc/{cursor.fetchone()[0]}/stat")
    try:
        name, _, numbers = stat.read_text().rpartition(")")
    except OSError:
        return time.process_time()
    if "postgres" not in name:
        return time.process_time()
    user, system = numbers.split()[11:13]
    return time.process_time() + (int(user) + int(system)) / _TICKS
