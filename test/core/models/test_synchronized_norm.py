"""Synchronised BatchNorm: in one process against torch's, in two against one with the whole batch."""

import copy
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from dfs_core.models.synchronized_norm import SynchronizedBatchNorm2d, synchronize

PROGRAM = Path(__file__).with_name("synchronized_share.py")
network = runpy.run_path(str(PROGRAM))["network"]


def passed(module, images):
    """Return what a network says, the gradient that reaches the images, and the network."""
    images = images.clone().requires_grad_()
    output = module(images)
    output.square().sum().backward()
    return output, images.grad, module


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options", [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}], ids=str
)
def test_one_process_behaves_as_batch_norm(training, options):
    images = torch.randn(4, 3, 12, 12)
    original = network(**options).train(training)
    twin = copy.deepcopy(original)
    synchronize(twin)
    for one, other in zip(passed(original, images)[:2], passed(twin, images)[:2], strict=True):
        assert torch.equal(one, other)
    for (name, value), (twin_name, twin_value) in zip(
        original.state_dict().items(), twin.state_dict().items(), strict=True
    ):
        assert name == twin_name
        assert torch.equal(value, twin_value)
    for value, twin_value in zip(original.parameters(), twin.parameters(), strict=True):
        assert torch.equal(value.grad, twin_value.grad)


def test_every_norm_is_converted_and_keeps_its_tensors():
    module = network(eps=1e-3, momentum=0.2).eval()
    before = {name: value.data_ptr() for name, value in (*module.named_parameters(), *module.named_buffers())}
    synchronize(module)
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert [type(norm) for norm in norms] == [SynchronizedBatchNorm2d] * 2
    assert {(norm.eps, norm.momentum, norm.training) for norm in norms} == {(1e-3, 0.2, False)}
    assert {name: value.data_ptr() for name, value in (*module.named_parameters(), *module.named_buffers())} == before


@pytest.mark.parametrize(
    ("options", "shares"),
    [({}, [[0, 1, 2], [3, 4, 5]]), ({"momentum": None}, [[0], [1, 2, 3, 4, 5]])],
    ids=["halves", "unequal"],
)
def test_two_processes_are_one_with_the_whole_batch(tmp_path, options, shares):
    generator = torch.Generator().manual_seed(1)
    images = 3.0 + torch.randn(6, 3, 14, 14, generator=generator) * torch.arange(1.0, 7.0)[:, None, None, None]
    original = network(**options)
    wishes = torch.randn(original(images).shape, generator=generator)
    original = network(**options)
    torch.save(
        {"options": options, "images": images, "wishes": wishes, "shares": shares},
        tmp_path / "whole.pt",
    )
    processes = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(rank), "2", str(tmp_path)], stderr=subprocess.PIPE, text=True
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
    found = [torch.load(tmp_path / f"share_{rank}.pt", weights_only=True) for rank in range(2)]

    images.requires_grad_()
    output = original.train()(images)
    (output * wishes).sum().backward()
    close = {"atol": 1e-5, "rtol": 1e-5}
    for share, result in zip(shares, found, strict=True):
        torch.testing.assert_close(result["output"], output[share].detach(), **close)
        torch.testing.assert_close(result["image_gradient"], images.grad[share], **close)
        torch.testing.assert_close(result["state"], dict(original.state_dict()), **close)
        torch.testing.assert_close(result["evaluated"], original.eval()(images[share]).detach(), **close)
    for name, value in original.named_parameters():
        together = found[0]["gradients"][name] + found[1]["gradients"][name]
        torch.testing.assert_close(together, value.grad, atol=1e-4, rtol=1e-5)  # sums over some hundred pixels
