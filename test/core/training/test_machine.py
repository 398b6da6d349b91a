"""Where a run computes: what the machine, torchrun and fabric allow."""

import dataclasses

import pytest
import torch

from dfs_core.errors import ConfigError
from dfs_core.training.machine import make_fabric, settled


def test_one_process_on_a_cpu(config):
    fabric = make_fabric(config, accelerator="cpu")
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")


@pytest.mark.parametrize("precision", ["half", "bf16-true", "64-true"])
def test_precision_that_cannot_be_resumed_is_refused(config, precision):
    words = f"precision must be one of 32-true, bf16-mixed, 16-mixed, not '{precision}'"
    with pytest.raises(ConfigError, match=words):
        make_fabric(dataclasses.replace(config, precision=precision))


@pytest.mark.parametrize(
    ("has", "precision"), [((), "32-true"), (("avx2", "avx512_f"), "32-true"), (("avx2", "avx512_bf16"), "bf16-mixed")]
)
def test_precision_is_what_the_processor_computes_in(config, monkeypatch, has, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(has, True) | {"amx_bf16": False})
    asked = dataclasses.replace(config, precision="auto")
    assert settled(asked, accelerator="cpu") == dataclasses.replace(config, precision=precision)


def test_precision_that_was_asked_for_stays(config):
    asked = dataclasses.replace(config, precision="16-mixed")
    assert settled(asked) is asked


@pytest.mark.parametrize("devices", ["many", "0", "-1", 0])
def test_devices_are_a_number_or_auto(config, devices):
    with pytest.raises(ConfigError, match=f"devices must be a number above 0, or auto, not '{devices}'"):
        make_fabric(config, accelerator="cpu", devices=devices)


def test_unknown_accelerator_is_refused(config):
    with pytest.raises(ConfigError, match=r"this machine cannot run on 1 x 'abacus': .*abacus"):
        make_fabric(config, accelerator="abacus")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"devices": 3}, "devices is 3, but torchrun started 2 processes here; leave devices away"),
        ({"nodes": 5}, "nodes is 5, but torchrun runs on 4; leave nodes away"),
    ],
)
def test_what_torchrun_started_is_not_contradicted(config, monkeypatch, asked, words):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "GROUP_WORLD_SIZE": "4"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=words):
        make_fabric(config, accelerator="cpu", **asked)


def test_strategy_of_fabric_run_is_not_taken(config, monkeypatch):
    monkeypatch.setenv("LT_STRATEGY", "fsdp")
    with pytest.raises(ConfigError, match="leave --strategy away from `fabric run`"):
        make_fabric(config)
