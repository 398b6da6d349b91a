"""What the terminal shows of an evaluation, at the widths that terminals have."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from dfs_core.evaluation.columns import NO_REFERENCE, REFERENCE
from dfs_core.evaluation.results import Results
from dfs_core.evaluation.summary import print_summary

FIGURES = {"psnr": 19.5, "ssim": 0.8125, "miou": 0.5, "iiou": 0.25, "category_miou": 0.75, "category_iiou": 0.5}


def row(model, beta=0.02, judge="unet", part="all", **figures):
    return {"model": model, "beta": beta, "part": part, "judge": judge, **FIGURES, **figures}


def printed(rows, width, columns=REFERENCE):
    text = io.StringIO()
    print_summary(Results("Dehazing", {}, [], columns, rows), Console(file=text, width=width))
    return text.getvalue().splitlines()


def test_figures_stand_below_their_titles_beside_the_share_of_the_gap():
    rows = [
        row("hazy"),
        row("dfs", miou=0.625, gap_closed={"miou": 0.5, "ssim": -1.25}),
        row("clear", psnr=None, miou=0.75),
    ]
    assert printed(rows, 60) == [
        "Dehazing, judged by unet",
        "         PSNR,                              iIoU       IoU",
        "            dB          SSIM    IoU class  class  category",
        "β = 0.02 / m · visibility 150 m",
        "  hazy   19.50  0.812         0.500        0.250     0.750",
        "  dfs    19.50  0.812 −125 %  0.625 +50 %  0.250     0.750",
        "  clear      –  0.812         0.750        0.250     0.750",
        "With a sign: the share of the fog gap that was closed. In",
        "the report: iIoU category.",
        "",
    ]


@pytest.mark.parametrize(("width", "figures"), [(40, 4), (60, 6), (80, 9), (160, 13)])
def test_as_many_columns_as_fit_are_shown_whole(width, figures):
    every = {column.key: 0.5 for column in REFERENCE}
    lines = printed([row(model, **every) for model in ("hazy", "dfs", "clear")], width)
    assert all(cell_len(line) <= width for line in lines)
    own = next(line for line in lines if line.strip().startswith("dfs"))
    assert len(own.split()) == 1 + figures
    left_out = [column.title for column in REFERENCE[figures:]]
    assert [title for title in left_out if title not in " ".join(lines)] == []


def test_each_fog_and_each_judge_has_a_heading():
    rows = [row(model, beta, judge) for judge in ("unet", "other") for beta in (0.0, 0.05) for model in ("hazy", "dfs")]
    lines = printed([*rows, row("hazy", part="0016E5")], 80)
    headings = [line for line in lines if line.startswith(("Dehazing", "β", "no fog"))]
    fogs = ["no fog", "β = 0.05 / m · visibility 60 m"]
    assert headings == ["Dehazing, judged by unet", *fogs, "Dehazing, judged by other", *fogs]


def test_a_share_of_a_doubtful_gap_is_not_shown():
    rows = [row("hazy"), row("dfs", gap_closed={"miou": 0.5}, gap_doubtful=["miou"])]
    assert not [line for line in printed(rows, 80) if "%" in line or "share" in line]


def test_names_of_any_kind_and_length_are_shown_as_they_are_or_cut():
    rows = [row("hazy"), row("[/bold] [red]name"), row("霧" * 40)]
    lines = printed(rows, 80)
    assert all(cell_len(line) <= 80 for line in lines)
    assert [line[2:].split("  ")[0] for line in lines if "霧" in line] == ["霧" * 11 + " …"]
    assert [line for line in lines if line.startswith("  [/bold] [red]name  ")]


def test_frames_without_ground_truth_need_no_fog_and_no_share():
    figures = dict.fromkeys((column.key for column in NO_REFERENCE), 0.5)
    lines = printed([row(model, None, **figures) for model in ("hazy", "dfs")], 80, NO_REFERENCE)
    assert lines[0] == "Dehazing, judged by unet"
    assert not [line for line in lines if line.startswith(("β", "With"))]


def test_nothing_is_printed_where_nothing_was_measured():
    assert printed([], 80) == []
