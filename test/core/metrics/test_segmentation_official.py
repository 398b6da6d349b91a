"""The four figures against the evaluation that Cityscapes publishes, run on the same files."""

import cv2
import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as Official
from cityscapesscripts.helpers.labels import labels as official_labels
from cityscapesscripts.helpers.labels import name2label

from dfs_core.data.cityscapes_files import read_instances, read_labels
from dfs_core.errors import DatasetError
from dfs_core.labels import CITYSCAPES_19
from dfs_core.metrics.segmentation import class_ious, count, figures

KEYS = {
    "miou": "averageScoreClasses",
    "iiou": "averageScoreInstClasses",
    "category_miou": "averageScoreCategories",
    "category_iiou": "averageScoreInstCategories",
}
ID = {name: label.id for name, label in name2label.items()}
THINGS = ("person", "rider", "car", "truck", "bus", "motorcycle", "bicycle", "caravan", "trailer")  # but no train
STUFF = ("building", "wall", "fence", "pole", "traffic sign", "vegetation", "parking", "static", "dynamic")


def street(number, *, things, height=1024, width=2048):
    """Return Cityscapes' label ids and instance ids of a street: things of all sizes that hide each other, a crowd."""
    rng = np.random.default_rng(number)
    labels = np.full((height, width), ID["road"], np.uint8)
    labels[: height // 4] = ID["sky"]
    for name in STUFF:
        labels[_somewhere(rng, height, width, 0.05, 0.3)] = ID[name]
    labels[-40:] = ID["ego vehicle"]
    instances = labels.astype(np.uint16)
    for index in range(things):
        name = THINGS[index % len(THINGS)]
        box = _somewhere(rng, height, width, 0.002, 0.2)
        labels[box], instances[box] = ID[name], 1000 * ID[name] + index // len(THINGS)
    for name in ("person", "car"):  # groups whose members nobody told apart
        box = _somewhere(rng, height, width, 0.02, 0.1)
        labels[box] = instances[box] = ID[name]
    return labels, instances


def guess(number, labels):
    """Return an answer in label ids: mostly right, with wrong patches of any class, ignored ones and empty ones too."""
    rng = np.random.default_rng([number, 1])
    answer = np.roll(labels, 5, axis=1)
    # The official evaluation takes caravans and trailers for vehicles in one figure; masks of 19 classes hold neither.
    known = [
        label.id for label in official_labels if label.id >= 0 and label.name not in ("caravan", "trailer", "train")
    ]
    answer[np.isin(answer, (ID["caravan"], ID["trailer"]))] = ID["truck"]
    for _ in range(40):
        answer[_somewhere(rng, *labels.shape, 0.02, 0.2)] = rng.choice(known)
    noisy = rng.random(labels.shape) < 0.05
    answer[noisy] = rng.choice(known, np.count_nonzero(noisy))
    return answer


def _somewhere(rng, height, width, smallest, largest):
    down, across = (int(side * rng.uniform(smallest, largest)) + 1 for side in (height, width))
    top, left = rng.integers(0, height - down), rng.integers(0, width - across)
    return np.s_[top : top + down, left : left + across]


def write(folder, number, labels, instances, answer):
    """Write one picture as Cityscapes and its evaluation server name them; return the paths of answer and labels."""
    stem = folder / f"town_{number:06}_000019"
    paths = [stem.with_name(f"{stem.name}_{rest}.png") for rest in ("pred", "gtFine_labelIds", "gtFine_instanceIds")]
    for path, plane in zip(paths, (answer, labels, instances), strict=True):
        assert cv2.imwrite(str(path), plane)
    return paths


def official(files):
    """Return what the official evaluation says of files as `write` returns them."""
    return Official.evaluateImgLists([str(file[0]) for file in files], [str(file[1]) for file in files], Official.args)


def ours(file):
    answer, labels, instances = file
    return count(read_labels(answer), read_labels(labels), CITYSCAPES_19, read_instances(instances))


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    for option, value in (("quiet", True), ("JSONOutput", False)):
        monkeypatch.setattr(Official.args, option, value)


@pytest.mark.filterwarnings("ignore:`in1d` is deprecated")
def test_whole_pictures(tmp_path):
    files = []
    for number, things in enumerate((45, 12, 30)):
        labels, instances = street(number, things=things)
        files.append(write(tmp_path, number, labels, instances, guess(number, labels)))
    assert cv2.imread(str(files[0][1])).shape == (1024, 2048, 3)
    expected, sums = official(files), sum(map(ours, files))
    found = figures(sums, CITYSCAPES_19)
    assert {name: float(value) for name, value in found.items()} == pytest.approx(
        {name: expected[key] for name, key in KEYS.items()}, abs=1e-12
    )
    assert all(0.05 < value < 0.95 for value in found.values())
    classes = dict(zip(CITYSCAPES_19.names, class_ious(sums, CITYSCAPES_19), strict=True))
    assert classes == pytest.approx({name: expected["classScores"][name] for name in classes}, abs=1e-12, nan_ok=True)
    assert [name for name, value in classes.items() if np.isnan(value)] == ["train"]


@pytest.mark.filterwarnings("ignore:`in1d` is deprecated")
@pytest.mark.parametrize("case", ["no thing", "only ignored", "only predicted", "only a crowd", "nothing right"])
def test_borderline_pictures(tmp_path, monkeypatch, case):
    height, width = 48, 96  # at other sizes than Cityscapes' own, things are as large a share of the picture
    for name, size in Official.args.avgClassSize.items():
        monkeypatch.setitem(Official.args.avgClassSize, name, size * height * width / (1024 * 2048))
    labels = np.full((height, width), ID["road"], np.uint8)
    instances, answer = labels.astype(np.uint16), labels.copy()
    if case == "only ignored":
        labels[:] = instances[:] = ID["parking"]
    if case == "only predicted":
        answer[:20], answer[20:30] = ID["train"], ID["wall"]
    if case == "only a crowd":
        labels[:20] = instances[:20] = answer[:15] = ID["person"]
    if case == "nothing right":
        labels[:20], instances[:20], answer[:] = ID["bus"], 1000 * ID["bus"], ID["bicycle"]
    file = write(tmp_path, 0, labels, instances, answer)
    expected = official([file])
    found = figures(ours(file), CITYSCAPES_19)
    assert {name: float(value) for name, value in found.items()} == pytest.approx(
        {name: expected[key] for name, key in KEYS.items()}, abs=1e-12, nan_ok=True
    )


def test_both_refuse_an_answer_of_another_size(tmp_path, capsys):
    labels, instances = street(0, things=3, height=64, width=128)
    file = write(tmp_path, 0, labels, instances, labels[:32, :64])
    with pytest.raises(SystemExit):
        official([file])
    assert "are not equal" in capsys.readouterr().out
    with pytest.raises(DatasetError, match=r"mask \[32, 64\], labels \[64, 128\], instances \[64, 128\]: must have"):
        ours(file)
