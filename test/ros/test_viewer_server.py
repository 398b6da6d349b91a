"""The page's server: to be read only, by this machine's own pages only, and never held up by a slow browser."""

import asyncio
import http.client
import json
import math
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("aiohttp", reason="needs the extra [view]")
pytest.importorskip("sensor_msgs.msg", reason="needs rclpy's messages")

import aiohttp
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from dfs_core.errors import ConfigError, FrameError
from dfs_ros import viewer_server
from dfs_ros.viewer_feed import Feed, Source
from dfs_ros.viewer_frame import CAMERA, DEHAZED, MASK
from dfs_ros.viewer_server import PageServer, is_own_host

DEADLINE_S = 30.0


@pytest.fixture
def feed() -> Feed:
    return Feed(Source("/front/image_raw", "/front/dehaze_node"), on_audience=lambda: None)


@pytest.fixture
def server(feed: Feed) -> Iterator[PageServer]:
    running = PageServer([feed], host="127.0.0.1", port=0)
    running.start()
    yield running
    running.stop()


def ask(server: PageServer, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    place = urlsplit(server.address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=DEADLINE_S)
    connection.request(method, path, headers=headers)
    return connection.getresponse()


def show(feed: Feed, second: int, size: int = 10) -> None:
    """Have the node's answers to a frame come."""
    header = Header(stamp=Time(sec=second))
    for part in (CAMERA, DEHAZED):
        feed.put(part, CompressedImage(header=header, data=bytes(size)))
    feed.put(MASK, Image(header=header, height=1, width=1, step=1, encoding="mono8", data=b"\0"))


def header_of(answer: bytes) -> dict[str, Any]:
    return json.loads(answer[4 : 4 + int.from_bytes(answer[:4], "big")])


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/style.css", "text/css"), ("/view.js", "text/javascript")]
)
def test_the_page_and_its_files_come_with_a_strict_policy(server: PageServer, path: str, kind: str) -> None:
    answer = ask(server, path)
    assert (answer.status, answer.headers.get_content_type()) == (200, kind)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"http://" not in (text := answer.read()).replace(b"http://www.w3.org/2000/svg", b"")
    assert b"https://" not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/cameras", "/stream/0"])
def test_nothing_but_reading_is_possible(server: PageServer, method: str, path: str) -> None:
    assert ask(server, path, method).status == 405


@pytest.mark.parametrize(
    "path", ["/../viewer.py", "/page/../viewer.py", "/viewer.py", "/%2e%2e/viewer.py", "/stream/1"]
)
def test_nothing_else_can_be_had(server: PageServer, path: str) -> None:
    assert ask(server, path).status == 404


def test_a_foreign_host_name_is_refused(server: PageServer) -> None:
    answer = ask(server, "/", Host="rebound.example:8088")
    assert answer.status == 403
    assert b"unknown Host" in answer.read()


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost", True), ("localhost:9000", True), ("127.0.0.1:80", True), ("[::1]:80", True),
        (socket.gethostname(), True), ("", False), ("localhost.example", False), ("[", False), ("a@localhost.b", False),
    ],
)  # fmt: skip
def test_hosts_are_told_apart(host: str, own: bool) -> None:
    assert is_own_host(host) == own


def test_a_page_of_another_site_gets_no_stream(server: PageServer) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert ask(server, "/stream/0", Origin="http://elsewhere.example", **upgrade, **key).status == 403
    assert ask(server, "/stream/0", Origin=server.address.rstrip("/"), **upgrade, **key).status == 101


def test_only_this_machine_is_served(server: PageServer) -> None:
    port = urlsplit(server.address).port
    assert port is not None
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", port))  # another address of this machine, so not all are bound


def test_a_taken_port_is_named_with_what_to_do(server: PageServer, feed: Feed) -> None:
    port = urlsplit(server.address).port
    assert port is not None
    second = PageServer([feed], host="127.0.0.1", port=port)
    with pytest.raises(ConfigError, match=f"port {port}: .*choose another address or port, 0 for any"):
        second.start()
    second.stop()


def test_viewers_get_the_newest_frame_when_they_ask_and_count_as_audience(server: PageServer, feed: Feed) -> None:
    async def look() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{server.address}stream/0") as quick,
            session.ws_connect(f"{server.address}stream/0") as slow,
        ):
            for second in (1, 2, 3):
                await asyncio.to_thread(show, feed, second)
                await quick.send_str("")
                seen = header_of(await quick.receive_bytes(timeout=DEADLINE_S))
                assert (seen["number"], seen["stamp"]) == (second, f"{second}.000000000")
                assert len(seen["sizes"]) == 3
            assert feed.is_watched
            await slow.send_str("")
            assert header_of(await slow.receive_bytes(timeout=DEADLINE_S))["number"] == 3
            await slow.send_str("")
            nothing = header_of(await slow.receive_bytes(timeout=DEADLINE_S))
            assert (nothing["sizes"], nothing["state"]) == ([], "waiting")

    asyncio.run(look())
    wait_until(lambda: not feed.is_watched)


def test_what_cannot_be_drawn_is_said_and_the_stream_goes_on(server: PageServer, feed: Feed) -> None:
    header = Header(stamp=Time(sec=1))
    with pytest.raises(FrameError, match="mask 'mono8' of 2x2 pixels: has step 2 and 3 bytes"):
        feed.put(MASK, Image(header=header, height=2, width=2, step=2, encoding="mono8", data=bytes(3)))
    feed.visibility_m = -math.inf

    async def look() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.address}stream/0") as stream:
            feed.put(CAMERA, Image(header=header, height=2, width=2, step=6, encoding="rgb8", data=bytes(3)))
            feed.put(DEHAZED, CompressedImage(header=header, data=bytes(9)))
            feed.put(MASK, Image(header=header, height=2, width=2, step=2, encoding="mono8", data=bytes(4)))
            await stream.send_str("")
            answer = header_of(await stream.receive_bytes(timeout=DEADLINE_S))
            assert (answer["state"], answer["sizes"]) == ("warning", [])
            assert answer["words"].startswith("This frame cannot be shown: 'rgb8' image of 2x2 pixels")
            show(feed, 2)
            await stream.send_str("")
            assert header_of(await stream.receive_bytes(timeout=DEADLINE_S))["stamp"] == "2.000000000"

    asyncio.run(look())


def test_more_viewers_than_can_be_served_are_refused(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer_server, "MOST_VIEWERS", 1)

    async def look() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.address}stream/0"):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await session.ws_connect(f"{server.address}stream/0")

    asyncio.run(look())


def wait_until(condition: Any) -> None:
    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(poll(), DEADLINE_S))
