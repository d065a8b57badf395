"""How static files are kept: under names that tell their content, compressed in seconds."""

from typing import Any

from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

UNUSED = ["redoc*"]  # the API's reader is Swagger UI


class QuickCompressedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped library
    """Gzip only: Brotli at its best takes a minute of a fresh start for a few kilobytes."""

    def create_compressor(self, **kwargs: Any) -> Compressor:
        return Compressor(**{**kwargs, "use_brotli": False})
