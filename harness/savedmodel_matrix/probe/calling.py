"""Ways to call a loaded model that keep its answers apart: a load for each call, a call for each row."""

import numpy as np

from . import tensors, texts


def entry(tf, loader, loaded, case):
    """Return the function that runs the case's signature or function in the way that the case asks for."""
    run = loader.entry(tf, loaded, case)
    if case["reload"]:
        run = loading_each_time(lambda: _load(tf, loader, case), loader.release)
    return one_row_at_a_time(run) if case["one_row"] else run


def _load(tf, loader, case):
    loaded = loader.load(tf, case)
    return loaded, loader.entry(tf, loaded, case)


def loading_each_time(load, release):
    """Return a function that loads the model for each call, so that no call sees what another one wrote."""

    def run(inputs):
        loaded, called = load()
        outputs = called(inputs)
        tensors.flatten_arrays(outputs)  # an op may still be running after its call returned
        release(loaded)
        return outputs

    return run


def one_row_at_a_time(run):
    """Return a function that runs each row of dense inputs alone, and puts the rows of the outputs together.

    Raises ``texts.PlainError`` if an output has not one row for each.
    """

    def by_rows(inputs):
        dense = all(set(parts) == {None} for parts in inputs.values())
        sizes = {int(np.shape(parts[None])[0]) for parts in inputs.values() if dense and np.ndim(parts[None])}
        scalar = any(np.ndim(parts[None]) == 0 for parts in inputs.values()) if dense else True
        if len(sizes) != 1 or scalar:
            return run(inputs)
        rows = [
            tensors.flatten(run({name: {None: parts[None][row : row + 1]} for name, parts in inputs.items()}))
            for row in range(sizes.pop())
        ]
        return {
            name: _Joined(name, [each[place][2] for each in rows])
            for place, (name, _, _) in enumerate(rows[0])
        }

    return by_rows


class _Joined:
    """The rows of one output, with TensorFlow's element type."""

    def __init__(self, name, leaves):
        self.dtype = leaves[0].dtype
        found = [np.asarray(each.numpy()) for each in leaves]
        if any(each.shape[:1] != (1,) or each.shape != found[0].shape for each in found):
            raise texts.PlainError("output {!r} has not one row for each row of the input".format(name))
        self._array = np.concatenate(found)

    def numpy(self):
        return self._array
