"""Where an image's bytes come from: a file, or a URL by way of a cache."""

import bz2
import gzip
import hashlib
import lzma
import os
import tempfile
from collections.abc import Callable
from email.message import Message
from pathlib import Path
from typing import IO, Any, Final, Protocol

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Properties

CACHE: Final = str(Path.home() / ".terraform" / "image_cache")

_BLOCK = 1 << 20
_CONNECT_SECONDS = 30.0

_GZIP = ("gz", "gzip", "application/gzip", "application/x-gzip")
_BZIP2 = ("bz2", "bzip2", "application/bzip2", "application/x-bzip2")
_XZ = ("xz", "application/xz", "application/x-xz")


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Upload:
    """A file on its way to the cloud: it keeps a checksum, and stops when the run is interrupted.

    Attributes:
        checksum: The MD5 of what was read, which is what Glance tells of an image.
    """

    def __init__(self, call: Call[Any], file: IO[bytes], what: str) -> None:
        self._call = call
        self._file = file
        self._what = what
        self._size = os.fstat(file.fileno()).st_size
        self.checksum = hashlib.md5(usedforsecurity=False)

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        self._call.check(self._what)
        block = self._file.read(size)
        self.checksum.update(block)
        return block


def file(call: Call[Any], inputs: Properties) -> Path:
    """The file with the image's bytes."""
    if inputs.get("localFilePath"):
        path = Path(inputs["localFilePath"])
        if not path.is_file():
            raise ProviderError(f"localFilePath: {path} is not a file")
        return path
    url, decompress = inputs["imageSourceUrl"], bool(inputs.get("decompress"))
    # The official provider's name for the same download: both find what the other has fetched.
    name = hashlib.md5(
        f"{url}{str(decompress).lower()}".encode(), usedforsecurity=False
    ).hexdigest()
    cache = Path(inputs.get("imageCachePath") or CACHE)
    path = cache / f"{name}.img"
    with call.cloud.lock(f"image download {path}"):
        if not (path.is_file() and path.stat().st_size):
            cache.mkdir(mode=0o700, parents=True, exist_ok=True)
            _download(call, url, path, inputs, decompress=decompress)
    return path


def _download(
    call: Call[Any], url: str, path: Path, inputs: Properties, *, decompress: bool
) -> None:
    import requests

    user, password = inputs.get("imageSourceUsername"), inputs.get("imageSourcePassword")
    try:
        response = requests.get(
            url,
            auth=(user, password) if user and password else None,
            stream=True,
            timeout=_CONNECT_SECONDS,
        )
        with response:
            if response.status_code != requests.codes.ok:
                raise ProviderError(
                    f"imageSourceUrl: {url} answers {response.status_code} {response.reason}"
                )
            response.raw.decode_content = True
            source: _Readable = response.raw
            if decompress:
                source = _decompressor(response.headers, url)(source)
            _store(call, source, path, url)
    except (requests.RequestException, OSError, EOFError, lzma.LZMAError) as error:
        raise ProviderError(f"imageSourceUrl: cannot fetch {url}: {error}") from error


def _store(call: Call[Any], source: _Readable, path: Path, url: str) -> None:
    # Under its name a download is whole, whatever happened on the way.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as part:
        try:
            while block := source.read(_BLOCK):
                call.check(f"the download of {url}")
                part.write(block)
            part.close()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink()
            raise


def _decompressor(headers: Any, url: str) -> Callable[[Any], _Readable]:
    message = Message()
    message["content-disposition"] = headers.get("Content-Disposition", "")
    suffix = Path(str(message.get_filename() or "")).suffix.lstrip(".")
    kind = headers.get("Content-Type", "").partition(";")[0].strip()
    for word in (kind, suffix, Path(url.partition("?")[0]).suffix.lstrip(".")):
        if word in _GZIP:
            return lambda raw: gzip.GzipFile(fileobj=raw)
        if word in _BZIP2:
            return lambda raw: bz2.BZ2File(raw)
        if word in _XZ:
            return lambda raw: lzma.LZMAFile(raw)
    raise ProviderError(
        f"decompress: {url} is of type {kind or 'unknown'}; only gzip, bzip2 and xz can be "
        "decompressed"
    )
