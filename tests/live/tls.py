"""A front that speaks TLS before the portal, as a reverse proxy does: the official clients insist on https."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Front:
    """Its address, and the certificate authority to trust it by."""

    url: str
    authority: str


@contextmanager
def https_before(port: int, folder: Path) -> Iterator[Front]:
    """Relays bytes between TLS clients and a port of this machine while the context lasts."""
    authority = trustme.CA()
    authority_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
        finally:
            for end in (writer, inner_writer):
                end.close()
                with suppress(OSError, TimeoutError):
                    await end.wait_closed()

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    # A thread of its own: the caller's may run the loop of a browser.
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.start_server(relay, "localhost", 0, ssl=context, ssl_shutdown_timeout=1)
    server = asyncio.run_coroutine_threadsafe(_started(listening), loop).result(10)
    try:
        chosen = server.sockets[0].getsockname()[1]
        yield Front(f"https://localhost:{chosen}", str(authority_file))
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _started(listening: Coroutine[None, None, asyncio.Server]) -> asyncio.Server:
    return await listening


async def _stop(server: asyncio.Server) -> None:
    server.close()
    current = asyncio.current_task()
    rest = [task for task in asyncio.all_tasks() if task is not current]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
