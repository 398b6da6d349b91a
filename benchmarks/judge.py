"""Time the four Cityscapes figures against the evaluation that Cityscapes publishes, on the same pictures.

    python benchmarks/judge.py [--pictures N] [--json FILE]

The peer is cityscapesscripts' evalPixelLevelSemanticLabeling without its Cython part, as `pip install` brings it, in
its one process. Ours is `dfs_core.metrics.segmentation.count`, in one process and in a pool of them, one for each
processor. Pictures are drawn, 2048x1024 with 30 to 60 things each, and stored as PNG. All take turns; medians over the
turns count.

`ratio` compares judging alone: masks, labels and instances lie in memory. That is how `dfs evaluate` judges, whose
masks come from a network and never were files, and which reads a scene's labels once for all methods. Decoding the
three PNGs of a picture costs both about the same; `ratio_with_decoding` has it on both sides. Starting the pool is not
counted.
"""

import importlib.metadata
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dfs_core.data.cityscapes_files import (  # noqa: E402 - found from here even where it is not installed
    LABEL_IDS,
    read_instances,
    read_labels,
)
from dfs_core.labels import CITYSCAPES_19  # noqa: E402
from dfs_core.metrics.segmentation import FIGURES, count, figures  # noqa: E402
from dfs_core.runtime.row_pool import usable_processors  # noqa: E402

HEIGHT, WIDTH = 1024, 2048
FEWEST_THINGS, MOST_THINGS = 30, 60
TARGET = 20.0
AVERAGES = ("averageScoreClasses", "averageScoreInstClasses", "averageScoreCategories", "averageScoreInstCategories")

Files = tuple[Path, Path, Path]
"""Predicted label ids, true label ids, instance ids."""

_Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int32]]
_loaded: list[_Planes] = []
"""The pictures of this process, as they lie in memory when `dfs evaluate` judges them."""


def main(
    pictures: Annotated[int, typer.Option(min=2, help="Pictures in each turn.")] = 16,
    turns: Annotated[int, typer.Option(min=1, help="Turns of each; their median counts.")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where to write the figures.")] = None,
) -> None:
    """Time the judging of masks, with and without reading them."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        files, things = write_pictures(Path(folder), pictures)
        found = time_both(files, turns=turns)
    found |= {"pictures": pictures, "things": things, "numpy": np.__version__}
    show(found)
    if json_file is not None:
        json_file.write_text(json.dumps(found, indent=2) + "\n")


def time_both(files: Sequence[Files], *, turns: int) -> dict[str, Any]:
    """Return milliseconds a picture of both, and how many times faster ours is."""
    workers, numbers = usable_processors(), range(len(files))
    times: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        times.setdefault(name, []).append(1000.0 * (time.perf_counter() - start) / len(files))
        return result

    with official_evaluation() as evaluate, started_pool(files, workers) as pool:
        for _ in track(range(turns), description="turns", console=Console(stderr=True), transient=True):
            expected = timed("official_whole", lambda: evaluate(files))
            timed("official_decoding", lambda: [np.array(Image.open(path)) for file in files for path in file])
            _loaded.extend(timed("decoding_one_worker", lambda: [read(file) for file in files]))
            sums = (
                timed("judging_one_worker", lambda: sum(map(judge_loaded, numbers))),
                timed("judging", lambda: sum(pool.map(judge_loaded, numbers))),
                timed("whole", lambda: sum(pool.map(judge_files, files))),
            )
            for total in sums:
                refuse_difference(total, expected)
            _loaded.clear()
    ms = {name: statistics.median(values) for name, values in times.items()}
    ms["official_judging"] = ms["official_whole"] - ms["official_decoding"]
    ms["whole_one_worker"] = ms["decoding_one_worker"] + ms["judging_one_worker"]
    return {
        "ratio": ms["official_judging"] / ms["judging"],
        "ratio_one_worker": ms["official_judging"] / ms["judging_one_worker"],
        "ratio_with_decoding": ms["official_whole"] / ms["whole"],
        "ratio_with_decoding_one_worker": ms["official_whole"] / ms["whole_one_worker"],
        "ms_official": ms["official_judging"],
        "ms_official_decoding": ms["official_decoding"],
        "ms_official_with_decoding": ms["official_whole"],
        "ms_ours": ms["judging"],
        "ms_ours_with_decoding": ms["whole"],
        "ms_ours_one_worker": ms["judging_one_worker"],
        "ms_ours_one_worker_decoding": ms["decoding_one_worker"],
        "ms_ours_one_worker_with_decoding": ms["whole_one_worker"],
        "workers": workers,
    }


@contextmanager
def official_evaluation() -> Iterator[Callable[[Sequence[Files]], dict[str, float]]]:
    """Give a function that evaluates files in pure Python and returns the four figures."""
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as Official

    Official.CSUPPORT = False
    Official.args.quiet, Official.args.JSONOutput = True, False

    def evaluate(files: Sequence[Files]) -> dict[str, float]:
        answers, labels = ([str(file[column]) for file in files] for column in (0, 1))
        result = Official.evaluateImgLists(answers, labels, Official.args)
        return {name: result[average] for name, average in zip(FIGURES, AVERAGES, strict=True)}

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`in1d` is deprecated")
        yield evaluate


@contextmanager
def started_pool(files: Sequence[Files], workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of processes that have all been started and hold the pictures."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(workers)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=load, initargs=(files, ready)) as pool:
        list(pool.map(judge_loaded, range(len(files))))
        yield pool


def load(files: Sequence[Files], ready: Any) -> None:
    """Read the pictures, in a worker, and wait until all workers have."""
    cv2.setNumThreads(1)
    _loaded.extend(read(file) for file in files)
    ready.wait()


def judge_loaded(index: int) -> NDArray[np.float64]:
    """Return the counts of a picture that lies in memory."""
    return judge(_loaded[index])


def judge_files(file: Files) -> NDArray[np.float64]:
    """Return the counts of a picture that is yet to be read."""
    return judge(read(file))


def read(file: Files) -> _Planes:
    """Return mask, labels and instances as evaluation has them."""
    return read_labels(file[0]), read_labels(file[1]), read_instances(file[2])


def judge(picture: _Planes) -> NDArray[np.float64]:
    """Return the counts of one picture."""
    mask, labels, instances = picture
    return count(mask, labels, CITYSCAPES_19, instances)


def refuse_difference(sums: NDArray[np.float64], expected: dict[str, float]) -> None:
    """Stop if the figures are not the official ones: what is wrong need not be fast."""
    found = {name: float(value) for name, value in figures(sums, CITYSCAPES_19).items()}
    if any(abs(found[name] - value) > 1e-9 for name, value in expected.items()):
        raise SystemExit(f"ours are {found}, the official figures {expected}; the timing is void")


def write_pictures(folder: Path, pictures: int) -> tuple[list[Files], float]:
    """Write drawn streets and what a fair segmenter would say of them; return files and mean number of things."""
    files, things = [], 0
    for number in range(pictures):
        rng = np.random.default_rng(number)
        labels, instances, drawn = street(rng)
        stem = f"town_{number:06}_000019"
        paths = tuple(folder / f"{stem}_{rest}.png" for rest in ("pred", "gtFine_labelIds", "gtFine_instanceIds"))
        for path, plane in zip(paths, (guess(rng, labels), labels, instances), strict=True):
            if not cv2.imwrite(str(path), plane):
                raise SystemExit(f"{path}: cannot be written")
        files.append((paths[0], paths[1], paths[2]))
        things += drawn
    return files, things / pictures


def street(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint16], int]:
    """Return label ids and instance ids of a street, and how many things can be seen in it."""
    ids = dict(zip(CITYSCAPES_19.names, LABEL_IDS, strict=True))
    labels = np.full((HEIGHT, WIDTH), ids["road"], np.uint8)
    labels[: HEIGHT // 2] = ids["building"]
    cv2.fillPoly(labels, [np.array([[600, 0], [1500, 0], [1000, 450]])], ids["sky"])
    for name in ("vegetation", "sidewalk", "terrain", "fence", "wall", "pole", "traffic sign", "traffic light"):
        for _ in range(4):
            center = (int(rng.integers(WIDTH)), int(rng.integers(200, 700)))
            size = (8, 150) if name == "pole" else (int(rng.integers(10, 180)), int(rng.integers(10, 120)))
            cv2.ellipse(labels, center, size, 0.0, 0.0, 360.0, ids[name], -1)
    labels[-60:] = 1  # the car's own bonnet, which is ignored
    instances = labels.astype(np.uint16)
    kinds = [(ids[label.name], label.instance_share) for label in CITYSCAPES_19.classes if label.instance_share]
    rate = np.array([0.38, 0.04, 0.4, 0.02, 0.02, 0.01, 0.03, 0.1])  # about as often as in the training split
    for number in range(int(rng.integers(FEWEST_THINGS, MOST_THINGS + 1))):
        label, share = kinds[rng.choice(len(kinds), p=rate / rate.sum())]
        area = share * HEIGHT * WIDTH * rng.lognormal(-0.5, 1.0)
        across, down = (int(np.sqrt(area / np.pi) * stretch) + 2 for stretch in (1.2, 1.0 / 1.2))
        center = (int(rng.integers(WIDTH)), int(rng.integers(400, 800)))
        cv2.ellipse(labels, center, (across, down), 0.0, 0.0, 360.0, int(label), -1)
        cv2.ellipse(instances, center, (across, down), 0.0, 0.0, 360.0, 1000 * int(label) + number, -1)
    return labels, instances, int(np.count_nonzero(np.unique(instances) >= 1000))


def guess(rng: np.random.Generator, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return label ids as a segmenter gives them at a quarter of the size: wavering edges, patches of other classes."""
    small = (WIDTH // 4, HEIGHT // 4)
    rows, columns = np.mgrid[: small[1], : small[0]].astype(np.float32) * 4.0
    waver = cv2.GaussianBlur(rng.normal(0.0, 60.0, (small[1], small[0], 2)).astype(np.float32), (0, 0), 4.0)
    answer = cv2.remap(labels, columns + waver[..., 0], rows + waver[..., 1], cv2.INTER_NEAREST, borderMode=1)
    answer[answer == 1] = LABEL_IDS[0]
    for _ in range(25):
        center = (int(rng.integers(small[0])), int(rng.integers(small[1])))
        size = (int(rng.integers(3, 25)), int(rng.integers(3, 25)))
        cv2.ellipse(answer, center, size, 0.0, 0.0, 360.0, int(rng.choice(LABEL_IDS)), -1)
    return cv2.medianBlur(cv2.resize(answer, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST), 7)


def show(found: dict[str, Any]) -> None:
    """Print the figures as a table."""
    version = importlib.metadata.version("cityscapesscripts")
    title = "{pictures} pictures of 2048x1024, {things:.0f} things each; ms a picture, numpy {numpy}".format(**found)
    table = Table(title=title)
    for column in ("", "decoding", "judging", "both", "judging ×", "both ×"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    rows = (
        (
            f"cityscapesscripts {version}",
            found["ms_official_decoding"],
            found["ms_official"],
            found["ms_official_with_decoding"],
        ),
        (
            "ours, one process",
            found["ms_ours_one_worker_decoding"],
            found["ms_ours_one_worker"],
            found["ms_ours_one_worker_with_decoding"],
        ),
        (f"ours, {found['workers']} processes", None, found["ms_ours"], found["ms_ours_with_decoding"]),
    )
    for name, *milliseconds in rows:
        judging, both = milliseconds[1:]
        ratios = (found["ms_official"] / judging, found["ms_official_with_decoding"] / both)
        table.add_row(name, *("-" if ms is None else f"{ms:.1f}" for ms in milliseconds), *(f"{r:.1f}" for r in ratios))
    console = Console()
    console.print(table)
    verdict = "reached" if found["ratio"] >= TARGET else "not reached"
    console.print(
        f"Judging is {found['ratio']:.1f} times as fast (target: {TARGET:.0f}, {verdict}); all four figures are equal "
        "to 1e-9. Judging starts from arrays in memory on both sides; decoding is that of the three PNGs of a picture."
    )


if __name__ == "__main__":
    typer.run(main)
