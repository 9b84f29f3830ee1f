"""A Python function that refuses a second caller."""

import threading
import time

from registers import register

busy = threading.Lock()


def answer(x):
    if not busy.acquire(blocking=False):
        raise RuntimeError("is in use")
    time.sleep(0.001)
    busy.release()
    return x + 1.0


register(answer)
