"""The picture of a run's curves."""

import cv2
import numpy as np

from dfs_core.training.curves import draw_curves

ROWS = (
    {"step": 1, "loss/pixel": 2.0, "loss/adversarial": 0.5},
    {"step": 2, "loss/pixel": 1.0, "loss/adversarial": 0.7, "validation/psnr": 18.0, "validation/miou": None},
    {"step": 3, "loss/pixel": 0.5, "validation/psnr": float("nan"), "validation/miou": 0.4},
)


def picture(rows):
    return cv2.imdecode(np.frombuffer(draw_curves(rows), np.uint8), cv2.IMREAD_COLOR)


def test_each_figure_has_a_curve_below_those_of_the_loss():
    without, whole = picture(ROWS[:1]), picture(ROWS)
    assert whole.shape[1] == without.shape[1]
    assert whole.shape[0] > 1.5 * without.shape[0]
    colours = np.abs(whole.astype(int) - whole.mean(axis=2, keepdims=True)).max(axis=2) > 40
    assert colours[: without.shape[0]].any()  # the losses are drawn in colours, the figures in black
    assert not colours[without.shape[0] :].any()
