"""What is not here is told with what to do next."""

import ctypes

import pytest

from dfs_core.runtime.probes import missing_cuda_device


class _Driver:
    """A driver that gives one status to each question, and finds some devices."""

    def __init__(self, start=0, listing=0, devices=1):
        self._start, self._listing, self._devices = start, listing, devices

    def cuInit(self, _):  # noqa: N802
        return self._start

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = self._devices
        return self._listing


def test_without_a_driver_the_next_command_is_named(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert missing_cuda_device() == "no NVIDIA driver (libcuda.so.1) on this machine; see `dfs doctor`"


@pytest.mark.parametrize(
    ("driver", "words"),
    [
        (_Driver(start=999), "the NVIDIA driver does not start (cuInit gave 999); see `nvidia-smi`"),
        (_Driver(listing=3), "the NVIDIA driver does not list its devices (cuDeviceGetCount gave 3); see `nvidia-smi`"),
        (_Driver(devices=0), "the NVIDIA driver finds no GPU; see `nvidia-smi`"),
        (_Driver(), None),
    ],
)
def test_a_driver_that_finds_no_gpu_is_told_from_one_that_does(driver, words, monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: driver)
    assert missing_cuda_device() == words
