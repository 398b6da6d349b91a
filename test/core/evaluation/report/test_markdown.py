"""report.md is GitHub's Markdown, whatever the names hold."""

from dataclasses import replace

from dfs_core.evaluation.report.markdown import escape, to_markdown
from dfs_core.evaluation.results import Results

EXPECTED = """\
# Dehazing

- data: camvid/val

## Results, judged by lite

Bold: the best under its fog, but for clear frames, the bound. In brackets: 95 % interval. With a sign, in per cent: \
the share of the fog gap closed, (method − hazy) / (clear − hazy), where fog surely costs something.

| fog | method | PSNR / dB ↑ | IoU class / % ↑ |
| --- | --- | --: | --: |
| β = 0.01 / m · visibility 300 m | hazy | 17.00 | 50.0 [49.0, 51.0] |
|  | dfs | **22.50** | **55.0** [54.0, 56.0] (+50 %) |
|  | other | 16.25 | 48.0 [47.0, 49.0] (−20 %) |
|  | clear | – | 60.0 [59.0, 61.0] |

## Methods

| method | source | parameters | MACs | ms per frame |
| --- | --- | --: | --: | --: |
| dfs | dfs.onnx | 4.65 M | 2.61 G | 14.2 |

## Columns

- PSNR / dB: Peak signal-to-noise ratio.
- IoU class / %: Mean IoU.

## Notes

- Things are connected components.
"""


def test_it_is_as_written_by_hand(results: Results) -> None:
    rows = [{key: value for key, value in row.items() if key != "class_iou"} for row in results.rows[:4]]
    small = replace(
        results, facts={"data": "camvid/val"}, rows=rows, columns=results.columns[:2], methods=results.methods[1:2]
    )
    assert to_markdown(small) == EXPECTED


def test_a_row_has_as_many_cells_as_its_head_whatever_the_names_hold(hostile: Results) -> None:
    tables = [
        [line for line in part.splitlines() if line.startswith("|")]
        for part in to_markdown(hostile).split("\n\n")
        if part.startswith("|")
    ]
    assert len(tables) >= 4
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1


def test_names_are_no_markup() -> None:
    assert (
        escape("a|b <i>*x*</i> `c`\n# d & [e](f)") == "a\\|b &lt;i&gt;\\*x\\*&lt;/i&gt; \\`c\\` \\# d &amp; \\[e\\](f)"
    )


def test_underscores_within_words_stay_readable() -> None:
    assert escape("dfs_fast _x_") == "dfs_fast \\_x\\_"


def test_without_fogs_there_is_no_column_for_them(no_reference: Results) -> None:
    assert "| method | flicker ↓ |\n| --- | --: |\n| hazy | 0.030 |\n| dfs | **0.020** |" in to_markdown(no_reference)


def test_problems_are_counted_and_listed(hostile: Results) -> None:
    assert "## Problems (1)\n\n- &lt;/script&gt;" in to_markdown(hostile)
