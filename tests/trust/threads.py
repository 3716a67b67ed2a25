"""Several connections at once."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


def in_threads(work: Callable[[int], Any], count: int) -> list[Any]:
    """``work(0) … work(count - 1)``, all begun at the same moment on connections of their own.

    Returns the results in order; an exception is a result too.
    """
    results: list[Any] = [None] * count
    start = threading.Barrier(count)

    def run(index: int) -> None:
        try:
            start.wait(timeout=10)
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001  (handed to the test)
            results[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs: probably two locks taken crosswise"
    return results
