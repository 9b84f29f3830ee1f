"""The only module that talks to the Python package index.

The index is the one the user configured for uv or pip (``UV_DEFAULT_INDEX``, ``UV_INDEX_URL``,
``PIP_INDEX_URL``, in that order), else the default of the library ``pypi-simple``.
Importing this module takes longer than a run that has nothing to do (0.3 s, most of it for the HTTP
library): import it only where something is about to be fetched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

import requests
from pypi_simple import (
    DigestMismatchError,
    NoDigestsError,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedContentTypeError,
    UnsupportedRepoVersionError,
)
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_auth_from_url
from urllib3.util import Retry

from savedmodel_matrix.domain.errors import PackageError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from pypi_simple import DistributionPackage

INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
_TIMEOUT_S = (10.0, 60.0)  # to connect, and between two chunks of a response
_RETRIES = 3


class IndexUnreachableError(PackageError):
    """The index did not answer, or its answer could not be read. Trying again may help."""


class UnknownPackageError(PackageError):
    """The index answered, and has no package of this name."""


@dataclass(frozen=True)
class IndexFile:
    """One file of a package. ``size`` in bytes; a field that the index does not provide is None."""

    name: str
    version: str | None
    kind: Literal["wheel", "sdist"] | None
    size: int | None
    uploaded: dt.datetime | None
    yanked: bool
    sha256: str | None


class PackageIndex(Protocol):
    """What the rest of the harness needs from an index."""

    def project_files(self, project: str) -> list[IndexFile]:
        """Return every file of a package, in the index's order.

        Raises UnknownPackageError if there is no such package, IndexUnreachableError if there is no answer.
        """

    def download(self, project: str, file: IndexFile, to: Path) -> None:
        """Write one file of a package to ``to``. The file is kept only if its SHA-256 matches.

        Raises PackageError on a wrong or missing digest, IndexUnreachableError if the index does not answer.
        """


def configured_index(environ: Mapping[str, str]) -> str | None:
    """Return the address of the index the user configured, or None for the library's default.

    uv writes an index as ``ADDRESS`` or as ``NAME=ADDRESS``.
    """
    for variable in INDEX_VARIABLES:
        if value := environ.get(variable, "").strip():
            name, equals, address = value.partition("=")
            return address if equals and "/" not in name else value
    return None


class IndexAuth(AuthBase):
    """Sends the credentials of an index's address to that host only: a page may link to files elsewhere."""

    def __init__(self, address: str) -> None:
        self._origin = _origin(address)
        self._basic = HTTPBasicAuth(*get_auth_from_url(address))

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the credentials if the request goes to the index."""
        return self._basic(request) if _origin(request.url or "") == self._origin else request


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


class SimpleIndex:
    """An index with the simple repository API, accessed through ``pypi-simple``; a context manager."""

    def __init__(self) -> None:
        session = requests.Session()
        retries = Retry(_RETRIES, backoff_factor=0.5, status_forcelist=(429, 502, 503, 504))
        session.mount("https://", requests.adapters.HTTPAdapter(max_retries=retries))
        address = configured_index(os.environ)
        options: dict[str, Any] = {"endpoint": address} if address else {}
        if address and any(get_auth_from_url(address)):
            options["auth"] = IndexAuth(address)
        self._client = PyPISimple(session=session, **options)
        self._packages: dict[str, list[DistributionPackage]] = {}

    def __enter__(self) -> SimpleIndex:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.s.close()

    def project_files(self, project: str) -> list[IndexFile]:
        """See PackageIndex. Each package is requested once per instance."""
        return [_index_file(package) for package in self._project(project)]

    def download(self, project: str, file: IndexFile, to: Path) -> None:
        """See PackageIndex."""
        package = next(package for package in self._project(project) if package.filename == file.name)
        try:
            self._client.download_package(package, to, timeout=_TIMEOUT_S)
        except DigestMismatchError as error:
            raise PackageError(
                f"{file.name}: the download does not match the index's digest "
                f"({error.algorithm} {error.actual_digest}, expected {error.expected_digest}). "
                "Nothing was kept. If this happens again, the index or something on the way alters files."
            ) from error
        except NoDigestsError as error:
            raise PackageError(
                f"{file.name}: the index gives no digest to verify the download with"
            ) from error
        except requests.RequestException as error:
            raise _unreachable(f"downloading {file.name}", error) from error

    def _project(self, project: str) -> list[DistributionPackage]:
        if project not in self._packages:
            try:
                page = self._client.get_project_page(project, timeout=_TIMEOUT_S)
            except NoSuchProjectError as error:
                raise UnknownPackageError(
                    f"the package index has no package {project!r}: check the spelling, "
                    f"or, for a private package, the index in {' / '.join(INDEX_VARIABLES)}"
                ) from error
            except (
                requests.RequestException,
                UnsupportedContentTypeError,
                UnsupportedRepoVersionError,
            ) as error:
                raise _unreachable(f"looking up {project}", error) from error
            self._packages[project] = page.packages
        return self._packages[project]


def _unreachable(what: str, error: Exception) -> IndexUnreachableError:
    # The library's own message is left out: it contains the address, which may contain a password.
    response = getattr(error, "response", None)
    status = "" if response is None else f", HTTP status {response.status_code}"
    return IndexUnreachableError(
        f"{what}: the package index did not answer ({type(error).__name__}{status}). Check the network "
        f"and the index configured in {' / '.join(INDEX_VARIABLES)}, then try again."
    )


def _index_file(package: DistributionPackage) -> IndexFile:
    kinds: dict[str | None, Literal["wheel", "sdist"]] = {"wheel": "wheel", "sdist": "sdist"}
    return IndexFile(
        name=package.filename,
        version=package.version,
        kind=kinds.get(package.package_type),
        size=package.size,
        uploaded=package.upload_time,
        yanked=package.is_yanked,
        sha256=package.digests.get("sha256"),
    )
