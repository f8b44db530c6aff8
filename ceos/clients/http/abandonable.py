"""Work that cannot be stopped, done beside the caller, who waits for it no longer than it wants to.

The name look-up of the C library and a long answer of a service know no deadline of ours. They run in a thread of their
own; a caller that gives up leaves the thread to end by itself; the number of such threads is limited.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

#: A waiting thread looks up this often, for Dramatiq can interrupt it only between two steps of Python, in seconds.
SLICE = 0.25

_T = TypeVar("_T")


class Beside:
    """Runs work in threads of its own, at most `most` at a time; abandoned work keeps its place until it ends."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._places = threading.BoundedSemaphore(most)

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
        # Whatever it is, the caller gets it, as if it had done the work itself.
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
