"""Calls that cannot be interrupted, in threads of their own, which a caller can abandon at its deadline.

The name look-up of the C library and a long answer of a service have no deadline. A caller that gives up leaves the
thread to end by itself; the number of such threads is limited.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

#: Seconds between two checks of a waiting thread: Dramatiq can interrupt it only between two steps of Python.
SLICE = 0.25

_T = TypeVar("_T")


class AbandonableCall:
    """Runs work in threads of its own, at most `limit` at a time; an abandoned one counts until it ends."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._places = threading.BoundedSemaphore(limit)

    def run(self, work: Callable[[], _T], deadline: float) -> _T:
        """Return the result of `work` or raise its error; raises `TimeoutError` at `deadline` (monotonic seconds).

        Work that found no free place before the deadline was not begun.
        """
        while not self._places.acquire(timeout=_slice(deadline)):
            pass
        result: Future[_T] = Future()
        context = contextvars.copy_context()
        thread = threading.Thread(target=self._do, args=(context, work, result), name=self._name, daemon=True)
        try:
            thread.start()
        except BaseException:
            self._places.release()
            raise
        while not result.done():
            wait((result,), _slice(deadline))
        return result.result()

    def _do(self, context: contextvars.Context, work: Callable[[], Any], result: Future[Any]) -> None:
        try:
            answer = context.run(work)
        # The caller gets every error, as if it had called `work` itself.
        except BaseException as error:
            self._places.release()
            result.set_exception(error)
        else:
            self._places.release()
            result.set_result(answer)


def _slice(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, SLICE)
