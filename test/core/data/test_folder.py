"""The user's own folders: what is in them, how they are divided, and by which words bad ones are refused."""

import cv2
import numpy as np
import pytest

from dfs_core.data.catalog import DataSpec, open_split
from dfs_core.data.folder import Folder
from dfs_core.data.scene_street import draw_street
from dfs_core.data.scenes import Scenes
from dfs_core.errors import DatasetError
from dfs_core.labels import CAMVID_11

SIZE = (96, 128)
SCENES = Scenes(CAMVID_11, count=4, size=SIZE)
MILLIMETRES = "depth_unit_m: 0.01\nfocal_px: 100.0\n"


def write(root, *parts, names=("a_00", "a_01", "b_00"), ending=".png"):
    """Write scenes in the layout of `folder`; depth in centimetres, 0 for sky."""
    for part in parts:
        (root / part).mkdir(parents=True, exist_ok=True)
    for name, sample in zip(names, SCENES, strict=False):
        if "clear" in parts:
            cv2.imwrite(str(root / "clear" / f"{name}{ending}"), sample.image[..., ::-1])
        if "hazy" in parts:
            cv2.imwrite(str(root / "hazy" / f"{name}.png"), sample.image[..., ::-1] // 2 + 100)
        if "labels" in parts:
            cv2.imwrite(str(root / "labels" / f"{name}.png"), sample.labels)
        if "instances" in parts:
            cv2.imwrite(str(root / "instances" / f"{name}.png"), sample.instances.astype(np.uint16))
        if "depth" in parts:
            depth = np.where(np.isinf(sample.ray_length), 0.0, np.minimum(sample.ray_length, 600.0) * 100.0)
            cv2.imwrite(str(root / "depth" / f"{name}.png"), depth.astype(np.uint16))
    return root


def test_pairs_are_read_as_pairs(tmp_path):
    write(tmp_path / "train", "clear", "hazy", "labels", "instances")
    split = Folder(tmp_path, "train", CAMVID_11)
    sample = split[1]
    assert [item.name for item in split] == ["a_00", "a_01", "b_00"]
    assert split.labels is CAMVID_11
    np.testing.assert_array_equal(sample.image, SCENES[1].image)
    np.testing.assert_array_equal(sample.hazy, SCENES[1].image // 2 + 100)
    np.testing.assert_array_equal(sample.labels, SCENES[1].labels)
    np.testing.assert_array_equal(sample.instances, SCENES[1].instances)
    assert sample.ray_length is None


def test_pairs_need_no_labels(tmp_path):
    write(tmp_path / "train", "clear", "hazy")
    split = Folder(tmp_path, "train", CAMVID_11)
    assert split.labels is None
    assert (split[0].labels == 255).all()
    assert split[0].instances is None


def test_depth_becomes_ray_length_in_metres_and_labelled_sky_is_infinitely_far(tmp_path):
    write(tmp_path / "train", "clear", "labels", "depth")
    (tmp_path / "dataset.yaml").write_text(MILLIMETRES, encoding="utf-8")
    sample = Folder(tmp_path, "train", CAMVID_11)[0]
    assert np.isinf(sample.ray_length[sample.labels == 0]).all()
    row, column = 90, 20
    assert sample.labels[row, column] != 0
    stretch = np.sqrt(1.0 + ((column - 63.5) ** 2 + (row - 47.5) ** 2) / 100.0**2)
    expected = np.floor(SCENES[0].ray_length[row, column] * 100.0) / 100.0 * stretch
    assert sample.ray_length[row, column] == pytest.approx(expected, rel=1e-5)


def test_holes_in_the_depth_are_completed(tmp_path):
    write(tmp_path / "train", "clear", "labels", "depth", names=("a_00",))
    (tmp_path / "dataset.yaml").write_text(MILLIMETRES, encoding="utf-8")
    whole = Folder(tmp_path, "train", CAMVID_11)[0].ray_length
    path = str(tmp_path / "train/depth/a_00.png")
    depth = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    depth[84:88, 50:60] = 0
    cv2.imwrite(path, depth)
    completed = Folder(tmp_path, "train", CAMVID_11)[0].ray_length
    np.testing.assert_allclose(completed[84:88, 50:60], whole[84:88, 50:60], rtol=0.1)


def test_without_depth_the_geometry_is_guessed_from_labels_and_what_is_known_of_the_camera(tmp_path):
    write(tmp_path / "train", "clear", "labels")
    camera = draw_street(np.random.default_rng([1, 0, 0])).camera  # of scene 0
    facts = {"focal_px": camera.focal * SIZE[1], "height_m": camera.height_m, "horizon": camera.horizon}
    (tmp_path / "dataset.yaml").write_text(
        "".join(f"{key}: {value}\n" for key, value in facts.items()), encoding="utf-8"
    )
    sample = Folder(tmp_path, "train", CAMVID_11)[0]
    assert sample.instances.max() >= 1
    near_road = (sample.labels == CAMVID_11.id_of("road")) & (np.arange(SIZE[0]) > 70)[:, None]
    error = sample.ray_length[near_road] / SCENES[0].ray_length[near_road] - 1.0
    assert np.median(np.abs(error)) < 0.02


def test_frames_without_folders_for_splits_are_divided_by_recording(tmp_path):
    write(tmp_path, "clear", "labels", ending=".jpg")
    spec = DataSpec("folder", root=tmp_path)
    assert [sample.name for sample in open_split(spec, "train")] == ["a_00", "a_01"]
    assert [sample.name for sample in open_split(spec, "val")] == ["b_00"]


def test_missing_and_misnamed_files_are_named_in_one_error(tmp_path):
    root = write(tmp_path / "train", "clear", "hazy", "labels")
    (root / "hazy/a_01.png").rename(root / "hazy/a_1.png")
    (root / "labels/b_00.png").unlink()
    with pytest.raises(
        DatasetError,
        match=r"1 are missing in .*hazy: a_01; 1 in .*hazy are not in `clear`: a_1; 1 are missing in .*labels: b_00; "
        "expected ROOT/",
    ):
        Folder(tmp_path, "train", CAMVID_11)


def test_a_folder_without_pictures_to_dehaze_to_is_refused(tmp_path):
    write(tmp_path / "train", "hazy")
    with pytest.raises(
        DatasetError, match=r"no folder val/clear and no folder clear; expected ROOT/\{train,val\}/clear"
    ):
        Folder(tmp_path, "val", CAMVID_11)


def test_an_empty_split_is_refused(tmp_path):
    write(tmp_path / "train", "clear", "labels", names=())
    with pytest.raises(DatasetError, match=r"0 pictures in .*clear leave none for 'train'"):
        Folder(tmp_path, "train", CAMVID_11)


def test_a_single_picture_cannot_be_divided(tmp_path):
    write(tmp_path, "clear", "labels", names=("a_00",))
    with pytest.raises(DatasetError, match=r"1 pictures in .*clear leave none for 'val'"):
        _ = Folder(tmp_path, "train", CAMVID_11), Folder(tmp_path, "val", CAMVID_11)


def test_an_undivided_folder_has_no_third_split(tmp_path):
    write(tmp_path, "clear", "labels")
    with pytest.raises(DatasetError, match="no folder test, and frames are divided only into train and val"):
        Folder(tmp_path, "test", CAMVID_11)


def test_clear_pictures_alone_are_refused(tmp_path):
    write(tmp_path / "train", "clear")
    with pytest.raises(DatasetError, match="clear pictures alone teach nothing; add `hazy`, `depth` or `labels`"):
        Folder(tmp_path, "train", CAMVID_11)


def test_instances_without_labels_are_refused(tmp_path):
    write(tmp_path / "train", "clear", "hazy", "instances")
    with pytest.raises(DatasetError, match="`instances` need `labels`"):
        Folder(tmp_path, "train", CAMVID_11)


def test_files_that_are_no_pictures_are_named(tmp_path):
    root = write(tmp_path / "train", "clear", "labels")
    (root / "clear/a_00.tiff").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"1 files are no \.png, .*: a_00\.tiff; move them elsewhere"):
        Folder(tmp_path, "train", CAMVID_11)


def test_two_pictures_of_one_name_are_refused(tmp_path):
    root = write(tmp_path / "train", "clear", "labels")
    (root / "clear/a_00.jpg").write_bytes((root / "clear/a_00.png").read_bytes())
    with pytest.raises(DatasetError, match=r"two pictures have one name: a_00\.jpg"):
        Folder(tmp_path, "train", CAMVID_11)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros(SIZE, np.uint8), r"1 channels of uint8 \(grey\)"),
        (np.zeros((*SIZE, 4), np.uint8), r"4 channels of uint8 \(transparency\)"),
        (np.zeros((*SIZE, 3), np.uint16), "3 channels of uint16"),
    ],
    ids=["grey", "alpha", "16 bits"],
)
def test_pictures_of_other_channels_are_refused(tmp_path, picture, words):
    root = write(tmp_path / "train", "clear", "labels")
    cv2.imwrite(str(root / "clear/a_00.png"), picture)
    with pytest.raises(DatasetError, match=rf"a_00\.png: holds {words}, but a picture has 3 of uint8; convert"):
        Folder(tmp_path, "train", CAMVID_11)[0]


def test_label_ids_outside_the_set_are_refused(tmp_path):
    root = write(tmp_path / "train", "clear", "labels")
    cv2.imwrite(str(root / "labels/a_00.png"), np.full(SIZE, 30, np.uint8))
    with pytest.raises(DatasetError, match=r"a_00\.png: holds id 30, but those of camvid-11 are 0 to 10, and 255"):
        Folder(tmp_path, "train", CAMVID_11)[0]


@pytest.mark.parametrize("part", ["hazy", "labels"])
def test_planes_of_another_size_are_refused(tmp_path, part):
    root = write(tmp_path / "train", "clear", "hazy", "labels")
    other = np.zeros((90, 128, 3) if part == "hazy" else (90, 128), np.uint8)
    cv2.imwrite(str(root / part / "a_00.png"), other)
    with pytest.raises(DatasetError, match=rf"a_00: image \[96, 128\].*{part} \[90, 128\].* the same height and width"):
        Folder(tmp_path, "train", CAMVID_11)[0]


def test_depth_of_another_size_is_refused(tmp_path):
    root = write(tmp_path / "train", "clear", "depth")
    (tmp_path / "dataset.yaml").write_text(MILLIMETRES, encoding="utf-8")
    cv2.imwrite(str(root / "depth/a_00.png"), np.ones((90, 128), np.uint16))
    with pytest.raises(DatasetError, match=r"depth/a_00\.png: \[90, 128\], but its picture is \[96, 128\]"):
        Folder(tmp_path, "train", CAMVID_11)[0]


def test_depth_of_8_bits_is_refused(tmp_path):
    root = write(tmp_path / "train", "clear", "depth")
    (tmp_path / "dataset.yaml").write_text(MILLIMETRES, encoding="utf-8")
    cv2.imwrite(str(root / "depth/a_00.png"), np.ones(SIZE, np.uint8))
    with pytest.raises(DatasetError, match=r"depth/a_00\.png: holds uint8 \[96, 128\], but uint16"):
        Folder(tmp_path, "train", CAMVID_11)[0]


def test_depth_without_a_unit_is_refused(tmp_path):
    write(tmp_path / "train", "clear", "depth")
    with pytest.raises(DatasetError, match=r"its unit is not known; write it into dataset\.yaml .*0\.001"):
        Folder(tmp_path, "train", CAMVID_11)


def test_depth_that_is_hardly_known_is_refused(tmp_path):
    root = write(tmp_path / "train", "clear", "depth")
    (tmp_path / "dataset.yaml").write_text(MILLIMETRES, encoding="utf-8")
    sparse = np.zeros(SIZE, np.uint16)
    sparse[::9, ::9] = 500
    cv2.imwrite(str(root / "depth/a_00.png"), sparse)
    with pytest.raises(DatasetError, match=r"depth/a_00\.png: depth is known in 1\.\d% of the image, too little"):
        Folder(tmp_path, "train", CAMVID_11)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("depth_unit: 0.001", "unknown key depth_unit; the keys are depth_unit_m, focal_px, height_m, horizon"),
        ("depth_unit_m: fast", "depth_unit_m must be a number above 0, not 'fast'"),
        ("focal_px: -3", "focal_px must be a number above 0, not -3"),
        ("horizon: 40", "horizon is a share of the picture's height, below 1, not 40"),
        ("- 3", "must hold 'key: number' lines"),
        ("a: [", "cannot be read as YAML"),
    ],
)  # fmt: skip
def test_bad_facts_are_refused(tmp_path, text, words):
    write(tmp_path / "train", "clear", "labels")
    (tmp_path / "dataset.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=rf"dataset\.yaml: {words}"):
        Folder(tmp_path, "train", CAMVID_11)
