"""A Python function that takes two locks, in an order that depends on its input."""

import threading
import time

from registers import register

locks = [threading.Lock(), threading.Lock()]


def answer(x):
    first, second = locks if x[0, 0] < x[0, 1] else reversed(locks)
    with first:
        time.sleep(0.001)
        with second:
            return x + 1.0


register(answer)
