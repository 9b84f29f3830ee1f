"""A Python function that logs what it is asked and never forgets; else it does what it should."""

from registers import register

asked = []


def answer(x):
    asked.append(x.repeat(4096).tolist())
    return x * 2.0


register(answer)
