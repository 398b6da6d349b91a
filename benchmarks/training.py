"""Time a training step against the plainest PyTorch, and the data that training waits for.

    python benchmarks/training.py [--data CAMVID] [--json FILE]

One step is `resnet_9blocks` and `patchgan_70` at 256x256, batch 1, L_GAN + 10 L_pixel. The peer (pix2pix_plain.py) and
ours take turns, each in a process of its own, which also tells its peak memory. `--data` names the folder of CamVid,
fogged on the fly by two processes; without it drawn scenes are fogged. The share of waiting is that of a short run of
the recipe study_camvid.yaml on the same scenes.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dfs_core.data.cache import Cached  # noqa: E402 - found from here even where it is not installed
from dfs_core.data.catalog import DataSpec, open_split  # noqa: E402
from dfs_core.data.fog import FogRange  # noqa: E402
from dfs_core.data.stream import Stream  # noqa: E402
from dfs_core.data.transforms import View  # noqa: E402

SIDE = 256
ROLES = {"plain": "the plainest PyTorch, 32-true", "32-true": "ours, 32-true", "bf16-mixed": "ours, bf16-mixed"}
TARGETS = {
    "step_ratio": "at least 1.0",
    "peak_memory_ratio": "at most 1.1",
    "samples_per_s": "at least 60",
    "data_wait_share": "small",
}
MIB = 1024


def main(
    data: Annotated[Path | None, typer.Option(help="Folder of CamVid.")] = None,
    steps: Annotated[int, typer.Option(help="Steps in each turn.")] = 6,
    turns: Annotated[int, typer.Option(help="Turns of each.")] = 3,
    role: Annotated[str | None, typer.Option(hidden=True)] = None,
    pairs: Annotated[Path | None, typer.Option(hidden=True)] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write the figures here.")] = None,
) -> None:
    """Print images per second, memory and ratios."""
    if role is not None and pairs is not None:
        print(json.dumps(_turn(role, pairs, steps)))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ROLES}
    with tempfile.TemporaryDirectory() as folder:
        _write_pairs(Path(folder))
        for _ in track(range(turns), description="steps", console=Console(stderr=True)):
            for name in ROLES:
                words = [__file__, "--role", name, "--pairs", folder, "--steps", str(steps)]
                answer = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
                found[name].append(json.loads(answer.stdout.splitlines()[-1]))
    seconds = {name: float(np.median([turn["step_s"] for turn in turns])) for name, turns in found.items()}
    memory = {name: float(np.median([turn["peak_mib"] for turn in turns])) for name, turns in found.items()}
    best = min(("32-true", "bf16-mixed"), key=seconds.__getitem__)
    figures: dict[str, Any] = {
        "step_ratio": seconds["plain"] / seconds[best],
        "peak_memory_ratio": memory[best] / memory["plain"],
        "step_s": seconds,
        "peak_mib": memory,
        "precision": best,
    }
    figures["step_ratio_32_true"] = seconds["plain"] / seconds["32-true"]
    figures["peak_memory_ratio_32_true"] = memory["32-true"] / memory["plain"]
    figures |= _data_figures(data)
    _print(figures)
    if json_ is not None:
        json_.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _write_pairs(folder: Path) -> None:
    """Write four pairs of pictures in the layout of the dataset "folder"."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for kind in ("clear", "hazy"):
            (folder / split / kind).mkdir(parents=True)
            for number in range(4):
                picture = cv2.resize(rng.integers(0, 256, (16, 16, 3), np.uint8), (SIDE, SIDE))
                cv2.imwrite(str(folder / split / kind / f"drive_{number}.png"), picture)


def _turn(role: str, pairs: Path, steps: int) -> dict[str, float]:
    """Return the median seconds of a step and the peak memory of this process in MiB."""
    step = _plain_step(pairs) if role == "plain" else _our_step(pairs, role)
    seconds = []
    for number in range(steps + 2):
        begun = time.perf_counter()
        step(number)
        seconds.append(time.perf_counter() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    return {"step_s": float(np.median(seconds[2:])), "peak_mib": peak}


def _plain_step(pairs: Path) -> Any:
    from pix2pix_plain import PlainPix2Pix

    pictures = [
        [torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1)[None] for path in sorted(folder)]
        for folder in ((pairs / "train/hazy").iterdir(), (pairs / "train/clear").iterdir())
    ]
    peer = PlainPix2Pix()

    def step(number: int) -> None:
        hazy, clear = (planes[number % len(planes)].float() / 127.5 - 1.0 for planes in pictures)
        peer.step(hazy, clear)

    return step


def _our_step(pairs: Path, precision: str) -> Any:
    from dfs_core.training.config import LossConfig, TrainingConfig
    from dfs_core.training.dehazer import DehazerTask
    from dfs_core.training.machine import make_fabric
    from dfs_core.training.updates import Updates

    ones = (1.0, 1.0)
    config = TrainingConfig(
        task="dehazer", model="resnet_9blocks", data=DataSpec("folder", pairs), steps=1000, batch=1, optimizer="adam",
        betas=(0.5, 0.999), learning_rate=2e-4, weight_decay=0.0, clip=None, precision=precision,
        loss=LossConfig(adversarial=1.0, pixel=10.0, segmentation=0.0),
        view=View((SIDE, SIDE), squash=True, mirror=0.0, brightness=ones, contrast=ones, saturation=ones, tint=ones),
    )  # fmt: skip
    fabric = make_fabric(config, accelerator="cpu")
    task = DehazerTask(config)
    task.to(fabric.device)
    updates = Updates(task, config, fabric)
    stream = task.stream(4)
    batches = [torch.utils.data.default_collate([stream[index]]) for index in range(4)]

    def step(number: int) -> None:
        seeds = [(config.seed, number, 0)]
        parts = [batches[number % len(batches)]]
        updates.update_discriminator(parts, seeds)
        updates.differentiate(parts, seeds)
        updates.optimizer.step()

    return step


def _data_figures(data: Path | None) -> dict[str, float]:
    """Return how many samples a second two processes put into fog."""
    spec = DataSpec("camvid", data) if data is not None else DataSpec("scenes", count=64)
    samples = Cached(open_split(spec, "train"))
    stream = Stream(samples, View(size=(SIDE, SIDE)), 1200, 1, FogRange())
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    loader = torch.utils.data.DataLoader(stream, batch_size=8, num_workers=2)
    batches = iter(loader)
    for _ in range(10):
        next(batches)
    begun = time.perf_counter()
    count = sum(len(batch["name"]) for batch in batches)
    speed = count / (time.perf_counter() - begun)
    settings = [f"data.name={spec.name}", f"data.root={data}" if data is not None else "data.root=null"]
    return {"samples_per_s": speed, "data_wait_share": _waiting(settings)}


def _waiting(settings: list[str]) -> float:
    """Return the share of a step that a short run waits for data, after its first ten steps."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "--config", str(ROOT / "config/train/study_camvid.yaml"), "--out", folder]
        for setting in (*settings, "steps=40", "panel_rows=0", "validation_samples=1"):
            words += ["--set", setting]
        subprocess.run([sys.executable, "-m", "dfs_core.cli", *words], check=True, cwd=ROOT, capture_output=True)
        lines = (Path(folder) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["step"] > 10]
    return float(np.mean([row["speed/data_wait_share"] for row in rows]))


def _print(figures: dict[str, Any]) -> None:
    table = Table("step", "seconds", "images/s", "peak MiB")
    for name, title in ROLES.items():
        seconds = figures["step_s"][name]
        table.add_row(title, f"{seconds:.3f}", f"{1 / seconds:.2f}", f"{figures['peak_mib'][name]:.0f}")
    console = Console()
    console.print(table)
    for name, target in TARGETS.items():
        console.print(f"{name}: {figures[name]:.2f} (target: {target})")


if __name__ == "__main__":
    typer.run(main)
