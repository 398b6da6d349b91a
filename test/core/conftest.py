"""Miniatures of the datasets, each in its official layout."""

import json
import shutil
from collections.abc import Iterator
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


CITYSCAPES_FRAMES = {
    "train": ("aachen_000000_000019", "aachen_000001_000019", "bad-honnef_000000_000019", "hamburg_000000_046078"),
    "val": ("munster_000000_000019", "munster_000001_000019"),
}
STREET_CAMERA = {"baseline": 0.209313, "fx": 141.4, "u0": 66.0, "v0": 30.0, "height": 1.22}


def street(number: int) -> dict[str, np.ndarray]:
    """Return a street of 64x128 as Cityscapes labels it: sky, a house 40 m away, a road, a car 12 m away, a bonnet.

    Keys: `image` RGB, `label_ids`, `instance_ids`, and `depth` in metres, infinity for sky.
    """
    rng = np.random.default_rng(number)
    height, width, focal, horizon = 64, 128, STREET_CAMERA["fx"], STREET_CAMERA["v0"]
    label_ids = np.full((height, width), 7, np.uint8)
    depth = np.full((height, width), np.inf)
    label_ids[:31] = 23
    depth[31:] = (STREET_CAMERA["height"] * focal / (np.arange(31, height) - horizon))[:, None]
    house, car, group = np.s_[8:34, : 40 + 4 * number], np.s_[34:45, 70 + number : 100 + number], np.s_[34:38, 110:118]
    label_ids[house], depth[house] = 11, 40.0
    label_ids[car], depth[car] = 26, 12.0
    label_ids[group], depth[group] = 24, 40.0
    label_ids[-4:] = 1
    instance_ids = label_ids.astype(np.uint16)
    instance_ids[car] = 26001
    colors = {
        23: (200, 220, 240),
        7: (90, 90, 95),
        11: (150, 110, 80),
        26: (180, 30, 30),
        24: (30, 90, 40),
        1: (20, 20, 20),
    }
    palette = np.zeros((256, 3))
    palette[list(colors)] = list(colors.values())
    image = np.clip(palette[label_ids] + rng.normal(0, 3, (height, width, 3)), 0, 255).astype(np.uint8)
    return {"image": image, "label_ids": label_ids, "instance_ids": instance_ids, "depth": depth}


def write_cityscapes(root: Path) -> Path:
    """Write leftImg8bit, gtFine, disparity with holes, and camera."""
    for split, name, scene in _write_frames(root):
        stored = 1 + np.rint(256 * STREET_CAMERA["baseline"] * STREET_CAMERA["fx"] / scene["depth"])
        stored[np.isinf(scene["depth"])] = 0
        stored[:, :8] = stored[-6:] = stored[50:53, 60:64] = 0
        _write(root, "disparity", split, f"{name}_disparity.png", stored.astype(np.uint16))
        extrinsic = {"baseline": STREET_CAMERA["baseline"], "pitch": 0.0, "roll": 0.0, "x": 1.7, "y": 0.1, "yaw": 0.0}
        intrinsic = {key: STREET_CAMERA[key] for key in ("fx", "u0", "v0")} | {"fy": STREET_CAMERA["fx"]}
        path = root / "camera" / split / name.partition("_")[0] / f"{name}_camera.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"extrinsic": extrinsic | {"z": 1.22}, "intrinsic": intrinsic}))
    return root


def write_foggy_cityscapes(root: Path) -> Path:
    """Write leftImg8bit, gtFine, leftImg8bit_foggy at three densities, and the refined list, which has half of it."""
    for split, name, scene in _write_frames(root):
        for beta in ("0.005", "0.01", "0.02"):
            share = np.exp(-float(beta) * scene["depth"])[..., None]
            hazy = np.rint(scene["image"] * share + 220 * (1 - share)).astype(np.uint8)
            file = f"{name}_leftImg8bit_foggy_beta_{beta}.png"
            _write(root, "leftImg8bit_foggy", split, file, hazy[..., ::-1])
    lines = [f"{split}/{name.partition('_')[0]}/{name}" for split, names in CITYSCAPES_FRAMES.items() for name in names]
    (root / "foggy_trainval_refined_filenames.txt").write_text("\n".join(lines[::2]) + "\n")
    return root


def _write_frames(root: Path) -> Iterator[tuple[str, str, dict[str, np.ndarray]]]:
    for split, names in CITYSCAPES_FRAMES.items():
        for number, name in enumerate(names):
            scene = street(number)
            _write(root, "leftImg8bit", split, f"{name}_leftImg8bit.png", scene["image"][..., ::-1])
            _write(root, "gtFine", split, f"{name}_gtFine_labelIds.png", scene["label_ids"])
            _write(root, "gtFine", split, f"{name}_gtFine_instanceIds.png", scene["instance_ids"])
            yield split, name, scene


def _write(root: Path, kind: str, split: str, file: str, picture: np.ndarray) -> None:
    folder = root / kind / split / file.partition("_")[0]
    folder.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(folder / file), picture)


def write_dhazy(root: Path, *, pairs: int = 10) -> Path:
    """Write rooms with a far wall, in white haze, and their depth scaled to 8 bits."""
    for folder in ("NYU_Hazy", "NYU_GT"):
        (root / folder).mkdir()
    for number in range(1, pairs + 1):
        rng = np.random.default_rng(number)
        depth = np.full((48, 64), 2.0)
        depth[8:30, 10:50] = 3.0 + 0.1 * number
        image = np.clip(rng.normal((60, 80, 110), 20, (48, 64, 3)), 0, 255).astype(np.uint8)
        share = np.exp(-depth)[..., None]
        hazy = np.rint(image * share + 255 * (1 - share)).astype(np.uint8)
        cv2.imwrite(str(root / "NYU_Hazy" / f"{number}_Hazy.bmp"), hazy)
        cv2.imwrite(str(root / "NYU_GT" / f"{number}_Image_.bmp"), image)
        cv2.imwrite(str(root / "NYU_GT" / f"{number}_Depth_.bmp"), (255 * depth / depth.max()).astype(np.uint8))
    return root


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Let torch compute in one thread: the networks here are tiny, and threads that wait for each other starve."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def camvid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a miniature CamVid; only to be read."""
    return write_camvid(tmp_path_factory.mktemp("camvid"))


@pytest.fixture
def camvid_copy(camvid: Path, tmp_path: Path) -> Path:
    """The folder of a miniature CamVid that may be damaged."""
    return Path(shutil.copytree(camvid, tmp_path / "camvid"))


@pytest.fixture(scope="session")
def cityscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a miniature Cityscapes with disparity and cameras; only to be read."""
    return write_cityscapes(tmp_path_factory.mktemp("cityscapes"))


@pytest.fixture(scope="session")
def foggy_cityscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a miniature Foggy Cityscapes with its refined list; only to be read."""
    return write_foggy_cityscapes(tmp_path_factory.mktemp("foggy_cityscapes"))


@pytest.fixture(scope="session")
def dhazy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a miniature D-HAZY; only to be read."""
    return write_dhazy(tmp_path_factory.mktemp("dhazy"))
