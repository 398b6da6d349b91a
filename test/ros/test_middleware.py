"""What a process has when its middleware is prepared, and how it ends."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from dfs_ros import middleware

ROOT = Path(__file__).parents[2]
NAMESPACE = {"dds": "http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles"}


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the user of this machine has set."""
    for name in list(os.environ):
        if name.startswith("MALLOC_") or name in (*middleware.PROFILE_VARIABLES, "AMENT_PREFIX_PATH"):
            monkeypatch.delenv(name)
    for name in (*middleware.PROFILE_VARIABLES, "AMENT_PREFIX_PATH"):  # so that they are removed afterwards
        monkeypatch.setenv(name, "")
        os.environ.pop(name)


def test_both_names_of_the_profile_are_set(clean_environment: None) -> None:
    middleware.prepare()
    profiles = {os.environ[name] for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")}
    assert len(profiles) == 1
    assert Path(profiles.pop()).is_file()
    assert os.environ["AMENT_PREFIX_PATH"] == sys.prefix


def test_what_the_user_has_set_is_left_alone(clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", "/mine.xml")
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/jazzy")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000")
    middleware.prepare()
    assert os.environ["FASTDDS_DEFAULT_PROFILES_FILE"] == "/mine.xml"
    assert "FASTRTPS_DEFAULT_PROFILES_FILE" not in os.environ
    assert os.environ["AMENT_PREFIX_PATH"] == "/opt/ros/jazzy"
    assert not middleware.keep_freed_memory()


def test_the_profile_holds_several_large_images() -> None:
    profile = ET.parse(ROOT / "config" / "fastdds.xml").getroot()  # noqa: S314 - our own file
    transports = {
        found.findtext("dds:type", namespaces=NAMESPACE): found
        for found in profile.iterfind(".//dds:transport_descriptor", NAMESPACE)
    }
    assert set(transports) == {"SHM", "UDPv4"}
    assert int(transports["SHM"].findtext("dds:segment_size", namespaces=NAMESPACE) or 0) > 8 * 1920 * 1080 * 3
    participant = profile.find("dds:participant", NAMESPACE)
    assert participant is not None
    assert participant.get("is_default_profile") == "true"


@pytest.mark.parametrize("thread", ["first", "another"])
def test_freed_images_do_not_go_back_to_the_kernel(thread: str, clean_environment: None) -> None:
    """Use and free six images again and again: their pages fault in again where malloc gives them back.

    With what is held beside them they need more than the 64 MB of a thread's first heap. rclpy is there first, as it
    starts threads, which take part of what malloc hands out.
    """
    image, pages = 6_220_800, 6_220_800 // 4096
    script = (
        "import resource, sys, threading, rclpy; from dfs_ros import middleware\n"
        "kept = sys.argv[1] == 'keep' and middleware.keep_freed_memory()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_THREAD).ru_minflt\n"
        "def use():\n"
        f"    images = [b'x' * {image} for _ in range(6)]\n"
        "def count():\n"
        "    held = b'x' * 30_000_000; use(); before = faults()\n"
        "    for _ in range(10): use()\n"
        "    print(int(kept), faults() - before)\n"
        "if sys.argv[2] == 'another':\n"
        "    thread = threading.Thread(target=count); thread.start(); thread.join()\n"
        "else: count()"
    )

    def count(setting: str) -> tuple[int, int]:
        command = [sys.executable, "-c", script, setting, thread]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        kept, faults = map(int, done.stdout.split())
        return kept, faults

    kept, faults = count("keep")
    if not kept:
        pytest.skip("this C library's malloc cannot be told to keep memory")
    assert faults < pages
    assert count("leave")[1] > 8 * pages, "without the setting there is nothing to cure, so this test shows nothing"


def test_a_thread_in_native_code_does_not_delay_the_end() -> None:
    script = (
        "import hashlib, os, threading, time; from dfs_ros import middleware\n"
        "busy = threading.Thread(target=lambda: hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)); busy.start()\n"
        "time.sleep(0.2); print('leaving', flush=True); middleware.leave(0)"
    )
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "leaving\n", "")
    assert time.monotonic() - begin < 30
