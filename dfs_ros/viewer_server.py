"""The page on localhost: three files and one stream a camera, for reading only.

A browser asks for each frame when it has drawn the one before, so a slow one gets fewer frames and holds up nobody.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web

from dfs_core.errors import ConfigError, FrameError
from dfs_ros.viewer_feed import Feed
from dfs_ros.viewer_frame import Frame, pack
from dfs_ros.viewer_state import WARNING

PATIENCE_S = 0.5
"""How long an answer waits for a new frame; without one it tells only how things are."""

MOST_VIEWERS = 16
LARGEST_REQUEST = 64
"""Bytes that a browser may say at once; what it says does not matter."""

STOP_S = 1.0

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_FILES = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/view.js": ("view.js", "text/javascript"),
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Serves the page from a thread of its own."""

    def __init__(self, feeds: Sequence[Feed], *, host: str, port: int) -> None:
        """Remember what to serve and where; port 0 takes a free one."""
        self._feeds, self._host, self._port = feeds, host, port
        self._sockets: set[web.WebSocketResponse] = set()
        self._encoder = ThreadPoolExecutor(1, "encode")
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._is_up = threading.Event()
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        host = "localhost" if self._host in {"", "0.0.0.0", "::"} else self._host  # noqa: S104 (asked for by the user)
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}/"

    def start(self) -> None:
        """Begin to serve.

        Raises:
            ConfigError: the address cannot be had.
        """
        self._thread.start()
        self._is_up.wait()
        if self._error is not None:
            raise ConfigError(
                f"no page on {self._host} port {self._port}: {self._error.strerror or self._error}; "
                "choose another address or port, 0 for any that is free"
            ) from self._error

    def stop(self) -> None:
        """Close all connections and end the thread."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(2 * STOP_S)
        self._encoder.shutdown(wait=False, cancel_futures=True)

    def application(self) -> web.Application:
        """Return what answers requests."""
        application = web.Application(middlewares=[_guarded])
        for path in _FILES:
            application.router.add_get(path, _file, allow_head=False)
        application.router.add_get("/cameras", self._cameras, allow_head=False)
        application.router.add_get(r"/stream/{number:\d{1,3}}", self._stream, allow_head=False)
        application.on_shutdown.append(self._hang_up)
        return application

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except OSError as error:
            self._error = error
        finally:
            self._is_up.set()
            self._loop.close()

    async def _serve(self) -> None:
        runner = web.AppRunner(self.application(), access_log=None, handle_signals=False, shutdown_timeout=STOP_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            self._port = int(runner.addresses[0][1])
            self._is_up.set()
            await self._end.wait()
        finally:
            await runner.cleanup()

    async def _hang_up(self, _application: web.Application) -> None:
        await asyncio.gather(*(opened.close(code=WSCloseCode.GOING_AWAY) for opened in self._sockets))

    async def _cameras(self, _request: web.Request) -> web.Response:
        return web.json_response([feed.source.images for feed in self._feeds])

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Answer each message of a browser by a frame that it has not seen and how things are."""
        number = int(request.match_info["number"])
        if number >= len(self._feeds):
            raise web.HTTPNotFound(text=f"there is no camera {number}; /cameras lists them")
        if len(self._sockets) >= MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_VIEWERS} viewers already; close one")
        feed, shown = self._feeds[number], 0
        stream = web.WebSocketResponse(timeout=STOP_S / 2, heartbeat=10.0, max_msg_size=LARGEST_REQUEST, compress=False)
        await stream.prepare(request)
        self._sockets.add(stream)
        try:
            with feed.watched():
                async for _asked in stream:
                    frame = await feed.newer(shown, PATIENCE_S)
                    shown = frame.number if frame is not None else shown
                    await stream.send_bytes(await self._packed(feed, frame))
        except ConnectionError:
            return stream  # the browser has gone
        finally:
            self._sockets.discard(stream)
        return stream

    async def _packed(self, feed: Feed, frame: Frame | None) -> bytes:
        if frame is None:
            return pack(feed.condition(), ())
        try:  # one thread: viewers that want the same frame get what was made for the first
            await asyncio.get_running_loop().run_in_executor(self._encoder, lambda: (frame.pictures, frame.classes))
        except FrameError as error:
            return pack({**feed.condition(), "state": WARNING, "words": f"This frame cannot be shown: {error}"}, ())
        stamp = f"{frame.stamp[0]}.{frame.stamp[1]:09d}"
        header = {"number": frame.number, "stamp": stamp, "classes": frame.classes, **feed.condition()}
        return pack(header, frame.pictures)


@web.middleware
async def _guarded(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse what a page of another site may have a browser send, and have browsers keep to our page's own."""
    if not is_own_host(request.headers.get("Host", "")):
        raise web.HTTPForbidden(text="unknown Host; open the page by its address or as localhost", headers=HEADERS)
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.headers["Host"]:
        raise web.HTTPForbidden(text="other sites may not look", headers=HEADERS)
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        refusal.headers.update(HEADERS)
        raise
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


def is_own_host(host: str) -> bool:
    """Say whether a Host header names this machine by its address or own name, which no foreign DNS entry can."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    own = socket.gethostname().lower()
    if name in {"localhost", own, f"{own}.local"}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _file(request: web.Request) -> web.Response:
    name, kind = _FILES[request.path]
    text = files("dfs_ros").joinpath("page").joinpath(name).read_text("utf-8")
    return web.Response(text=text, content_type=kind)
