"""savedmodel-matrix: run one SavedModel in many TensorFlow environments and compare what came out.

The folders are the layers, and imports go one way only (``nox -s lint`` holds it)::

    model -> (expand, compare, judge: pure) -> (store, locks, inputs, environments)
          -> report -> front doors (cli, sessions)
"""
