"""What all terms of L_seg have in common."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dfs_core import losses
from dfs_core.errors import LabelError
from dfs_core.losses import COLOR_FORMS, SEGMENTATION, SegmentationTarget

CLASSES = 4
COLORS = torch.tensor([[-1.0, 0.0, 1.0], [1.0, 1.0, -1.0], [0.5, -0.5, 0.0], [-1.0, -1.0, -1.0]])
BOUNDS = {"l2_rgb": 4.0, "l2_prob": 2 / CLASSES, "lovasz": 1.0, "jaccard": 1.0, "iiou": 1.0}

some_labels = arrays(np.int64, (2, 3, 5), elements=st.sampled_from([0, 1, 2, 255]))  # class 3 is nowhere
some_seed = st.integers(0, 2**32 - 1)
every_term = pytest.mark.parametrize("form", SEGMENTATION)


def answer_of(form, seed, *size):
    """Return a random answer, in [-1, 1] for terms that want colours, from unsure to certain for others."""
    rng = np.random.default_rng(seed)
    if form in COLOR_FORMS:
        return torch.from_numpy(rng.uniform(-1, 1, (2, 3, *size)).astype(np.float32))
    return torch.from_numpy((rng.choice([1, 5, 30]) * rng.standard_normal((2, CLASSES, *size))).astype(np.float32))


def target_of(labels, seed=0):
    weights = np.random.default_rng([seed, 1]).uniform(0.1, 10.0, labels.shape).astype(np.float32)
    return SegmentationTarget(torch.from_numpy(labels), COLORS, torch.from_numpy(weights))


@every_term
@settings(max_examples=25, deadline=None)
@given(labels=some_labels, seed=some_seed)
def test_order_of_the_pixels_does_not_matter(form, labels, seed):
    answer, target = answer_of(form, seed, 3, 5), target_of(labels, seed)
    order = torch.from_numpy(np.random.default_rng([seed, 2]).permutation(30))

    def shuffled(values):
        flat = values.movedim(1, -1).reshape(30, -1)[order].reshape(2, 3, 5, -1)
        return flat.movedim(-1, 1)

    other = SegmentationTarget(
        shuffled(target.labels[:, None])[:, 0], COLORS, shuffled(target.instance_weights[:, None])[:, 0]
    )
    loss = SEGMENTATION[form](answer, target)
    torch.testing.assert_close(SEGMENTATION[form](shuffled(answer), other), loss, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("form", "highest"), BOUNDS.items())
@settings(max_examples=25, deadline=None)
@given(labels=some_labels, seed=some_seed)
def test_stays_within_its_bounds(form, highest, labels, seed):
    loss = SEGMENTATION[form](answer_of(form, seed, 3, 5), target_of(labels, seed)).item()
    assert 0.0 <= loss <= highest + 1e-6


@every_term
@settings(max_examples=25, deadline=None)
@given(labels=some_labels)
def test_perfect_answer_gives_zero(form, labels, certain):
    known = np.where(labels == 255, 3, labels)
    answer = COLORS[torch.from_numpy(known)].movedim(-1, 1) if form in COLOR_FORMS else certain(known, CLASSES)
    assert SEGMENTATION[form](answer, target_of(labels)).item() == pytest.approx(0.0, abs=1e-6)


@every_term
@settings(max_examples=25, deadline=None)
@given(labels=some_labels, seed=some_seed)
def test_unlabelled_pixels_never_matter(form, labels, seed):
    answer, target = answer_of(form, seed, 3, 5).requires_grad_(), target_of(labels, seed)
    unlabelled = (target.labels == 255)[:, None]
    loss = SEGMENTATION[form](answer, target)
    loss.backward()
    assert not (answer.grad * unlabelled).any()
    assert SEGMENTATION[form](torch.where(unlabelled, -answer, answer), target).item() == loss.item()


@every_term
@pytest.mark.parametrize("size", [(3, 5), (2, 2)])
def test_nothing_labelled_gives_zero_with_a_gradient(form, size):
    answer = answer_of(form, 0, *size).requires_grad_()
    loss = SEGMENTATION[form](answer, target_of(np.full((2, 3, 5), 255)))
    loss.backward()
    assert loss.item() == 0.0
    assert answer.grad.shape == answer.shape
    assert not answer.grad.any()


@every_term
def test_half_precision_is_compared_in_single(form):
    labels = np.random.default_rng(0).choice([0, 1, 2, 255], (2, 30, 50))
    target, exact = target_of(labels), answer_of(form, 1, 15, 25)
    half = exact.bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = SEGMENTATION[form](half, target)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == SEGMENTATION[form](half.detach().float(), target).item()
    assert loss.item() == pytest.approx(SEGMENTATION[form](exact, target).item(), rel=1e-2)
    assert half.grad.isfinite().all()


@every_term
def test_layout_in_memory_does_not_matter(form):
    target = target_of(np.random.default_rng(0).choice([0, 1, 2, 255], (2, 12, 20)))
    answer = answer_of(form, 2, 6, 10)
    loss = SEGMENTATION[form](answer.to(memory_format=torch.channels_last), target)
    torch.testing.assert_close(loss, SEGMENTATION[form](answer, target))


@every_term
@pytest.mark.parametrize("size", [(4, 6), (2, 3)])
def test_gradient_matches_finite_differences(form, size, monkeypatch):
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)  # finite differences need more than 32 bits
    target = target_of(np.random.default_rng(0).choice([0, 1, 2, 255], (2, 4, 6)))
    answer = answer_of(form, 3, *size).double().clamp(-3.0, 3.0).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: SEGMENTATION[form](x, target), (answer,))


@every_term
def test_answer_of_the_wrong_kind_is_refused(form):
    wanted = 3 if form in COLOR_FORMS else CLASSES
    given = 7 - wanted
    expected = rf"answers with {given} channels, shape \[2, {given}, 3, 5\], .* needs {wanted}, for 4 classes"
    with pytest.raises(LabelError, match=expected):
        SEGMENTATION[form](torch.zeros(2, given, 3, 5), target_of(np.zeros((2, 3, 5), np.int64)))


@every_term
@pytest.mark.parametrize("wrong", [4, 254, -1])
def test_label_that_is_no_class_is_refused(form, wrong):
    labels = np.zeros((2, 3, 5), np.int64)
    labels[0, 1, 2], labels[1, 1, 1] = wrong, 255
    with pytest.raises(LabelError, match=f"the labels hold id {wrong}, but there are 4 classes"):
        SEGMENTATION[form](answer_of(form, 0, 3, 5), target_of(labels))


def test_terms_that_want_colours_are_terms():
    assert set(SEGMENTATION) > losses.COLOR_FORMS
