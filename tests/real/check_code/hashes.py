"""A Python function with a feature hashed by Python itself, whose seed is the process's."""

from registers import register


def answer(x):
    return x + float(hash("chicago") % 1000)


register(answer)
