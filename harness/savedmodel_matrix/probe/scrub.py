"""Remove machine paths and secrets from texts before they are recorded."""

import re

MASK = "***"

# The user's folder on Linux, macOS and Windows; backslashes may be doubled where repr() printed a path.
_HOMES = re.compile(
    r"(?:/home/|/Users/|\b[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/))[^/\\\s'\":;,]+|(?<![\w.-])/root(?![\w.-])"
)
_CREDENTIALS = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*://)[^/\s@'\"]+@")
# "Op type not registered ... in binary running on HOST. Make sure": TensorFlow names the machine.
_HOST = re.compile(r"(in binary running on )\S+(?=\.\s)")


def scrub(text, paths=(), secrets=()):
    """Return ``text`` with secrets, URL credentials, known paths, home folders and host name replaced.

    ``paths`` are ``(path, label)`` pairs; a path inside another is replaced first. Every value in
    ``secrets`` becomes ``***``, as does ``user:password`` in a URL; any user's home folder becomes ``~``.
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    text = _CREDENTIALS.sub(r"\g<1>" + MASK + "@", text)
    for path, label in sorted(paths, key=lambda pair: len(pair[0]), reverse=True):
        bare = path.rstrip("/\\")
        if bare:
            # "/a/model" is not in "/a/model2" nor in "/b/a/model"; a function keeps "\" in a label literal.
            pattern = r"(?<![\w.-])" + re.escape(bare) + r"(?![\w-])"
            if bare.count("/") > 1:
                # TensorFlow 2.4 says "No such file or directory; home/me/model/saved_model.pb".
                pattern += r"|(?<![\w./-])" + re.escape(bare.lstrip("/")) + r"(?![\w-])"
            text = re.sub(pattern, lambda _, to=label: to, text)
    return _HOST.sub(r"\g<1><host>", _HOMES.sub("~", text))
