"""A loader that opens a file and starts a thread with each load, and ends neither."""

import threading
from pathlib import Path

import tensorflow as tf

load, opened = tf.saved_model.load, []


def opening(*arguments, **options):
    opened.append(Path(__file__).open())  # noqa: SIM115 - that is what it does wrong
    waits = threading.Thread(target=threading.Event().wait)
    waits.daemon = True
    waits.start()
    return load(*arguments, **options)


tf.saved_model.load = opening
