"""Exception messages, short enough to show and safe enough to record."""

import re
import traceback

from . import scrub

TRACEBACK_LINES = 60

_BEFORE_THE_KERNEL = ("Node: ", "<stack traces unav", 'File "', "Detected at node")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class PlainError(Exception):
    """An error raised by the probe whose message is shown unchanged as the reason."""


def first_line(text):
    """Return the first non-empty line of ``text``."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def one_line(error):
    """Return the type and the most informative line of an exception's message."""
    if isinstance(error, PlainError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if lines and lines[0].startswith("Exception encountered when calling ") and lines[1:]:
        lines = [_ANSI.sub("", line) for line in _inside_keras(lines[1:])]
    if lines and lines[0] == "Graph execution error:":
        # 2.9 and later put the node's origin first. The kernel's own message follows one of these lines:
        # A session repeats the origin after it, following a line that names the node in brackets.
        end = next((i for i, line in enumerate(lines) if line.startswith("[[{{node")), len(lines))
        heads = [i for i, line in enumerate(lines[: end - 1]) if line.startswith(_BEFORE_THE_KERNEL)]
        lines = lines[heads[-1] + 1 :] if heads else lines[1:]
    return ": ".join([type(error).__name__, *lines[:1]])


def _inside_keras(lines):
    """Return the message that Keras wraps in a layer's name and arguments."""
    ends = [i for i, line in enumerate(lines) if "rguments received by " in line]
    inside = lines[: ends[0]] if ends and ends[0] else lines
    return inside[-1:] if inside[0] == "in user code:" else inside


def trimmed_traceback(error):
    """Return the traceback of ``error`` as text; only its last lines if it is long."""
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__)).splitlines()
    if len(lines) > TRACEBACK_LINES:
        left_out = len(lines) - TRACEBACK_LINES
        lines = ["... {} lines left out".format(left_out), *lines[-TRACEBACK_LINES:]]
    return "\n".join(lines)


def masked(value, paths, secrets):
    """Return the JSON value with every text in it scrubbed, except keys."""
    if isinstance(value, str):
        return scrub.scrub(value, paths, secrets)
    if isinstance(value, list):
        return [masked(item, paths, secrets) for item in value]
    if isinstance(value, dict):
        return {key: masked(item, paths, secrets) for key, item in value.items()}
    return value
