"""A miniature of CamVid in its own layout."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch


def write_camvid(root: Path, *, frames: int = 4, height: int = 96, width: int = 128) -> Path:
    """Write a few street scenes: sky above, a house, a road, a car, and a strip of void."""
    rng = np.random.default_rng(0)
    palette = np.array(
        [[200, 220, 240], [120, 100, 90], [0, 0, 0], [90, 90, 95], [0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0],
         [180, 30, 30], [0, 0, 0], [0, 0, 0], [10, 10, 10]]
    )  # fmt: skip
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (root / split / kind).mkdir(parents=True)
        for number in range(frames):
            labels = np.full((height, width), 3, np.uint8)
            labels[: height // 3] = 0
            labels[height // 4 : height // 2, : width // 3 + 5 * number] = 1
            labels[height // 2 : height // 2 + 14, 70 + 3 * number : 90 + 3 * number] = 8
            labels[-4:] = 11
            image = np.clip(palette[labels] + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)
            name = f"0016E5_{number:05d}"
            cv2.imwrite(str(root / split / "images" / f"{name}.jpg"), image[..., ::-1])
            cv2.imwrite(str(root / split / "labels" / f"{name}.png"), labels)
    return root


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Let torch compute in one thread: the networks here are tiny, and threads that wait for each other starve."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def camvid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a miniature CamVid; only to be read."""
    return write_camvid(tmp_path_factory.mktemp("camvid"))
