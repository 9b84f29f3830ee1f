"""A package index on this machine, of a few tiny wheels, that behaves as badly as a test wants."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

UPLOADED = "2020-01-01T00:00:00Z"  # before any lock's day
JSON = "application/vnd.pypi.simple.v1+json"


def wheel(name, version, files):
    """Return the name and the bytes of a pure wheel with these files, by path."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{info}/RECORD"])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)  # of a fixed time, so that its hash is fixed too
    return f"{stem}-py3-none-any.whl", packed.getvalue()


class LocalIndex(ThreadingHTTPServer):
    """Serves wheels by the simple repository API; a context manager.

    ``fault`` spoils the downloads of files: ``"dies"`` ends each in the middle, ``"swaps"`` sends another
    whole wheel than the page says. ``credentials`` is ``user:password``, without which nothing is answered.
    """

    daemon_threads = True

    def __init__(self, wheels, credentials=None):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.fault = None
        self.credentials = credentials
        self.files = {}
        for name, version, files in wheels:
            file, content = wheel(name, version, files)
            self.files.setdefault(name, {})[file] = content

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def host(self):
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def address(self):
        """The address to configure, with the credentials in it."""
        who = f"{self.credentials}@" if self.credentials else ""
        return f"http://{who}{self.host}/simple/"


class _Answer(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.send_error(405)

    def do_GET(self):
        index = self.server
        expected = index.credentials and base64.b64encode(index.credentials.encode()).decode()
        if expected and self.headers.get("Authorization") != f"Basic {expected}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="packages"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kind, _, name = self.path.strip("/").partition("/")
        if kind == "simple" and name in index.files:
            self._send(json.dumps(self._page(name)).encode(), JSON)
        elif kind == "files":
            self._send_file(name)
        else:
            self.send_error(404)

    def _page(self, name):
        files = [
            {
                "filename": file,
                "url": f"http://{self.server.host}/files/{file}",
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                "size": len(content),
                "upload-time": UPLOADED,
            }
            for file, content in self.server.files[name].items()
        ]
        return {"meta": {"api-version": "1.1"}, "name": name, "files": files}

    def _send_file(self, name):
        content = next(files[name] for files in self.server.files.values() if name in files)
        if self.server.fault == "swaps":
            distribution, version, _ = name.split("-", 2)
            content = wheel(distribution, version, {"other.py": ""})[1]
        self._send(content, "application/octet-stream", cut=self.server.fault == "dies")

    def _send(self, content, kind, *, cut=False):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = True

    def log_message(self, *_):
        """Say nothing: the tests look at what the commands print."""
