"""Charts are elements that fit into the page: its colours, names of their own, all that was measured."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from dfs_core.evaluation.report.curves import draw_charts, series_of
from dfs_core.evaluation.results import Results


def test_there_is_a_chart_for_each_column_and_judge_but_one_where_they_agree(results: Results) -> None:
    second = [row | {"judge": "unet", "miou": row["miou"] - 0.1} for row in results.rows]
    charts = draw_charts(replace(results, rows=[*results.rows, *second]))
    assert [(chart.title, chart.judge) for chart in charts] == [
        ("PSNR / dB", ""),
        ("IoU class / %", "lite"),
        ("IoU class / %", "unet"),
    ]


def test_a_chart_is_an_svg_element_that_names_no_address(results: Results) -> None:
    for chart in draw_charts(results):
        root = ET.fromstring(chart.svg)  # noqa: S314 - drawn by this very test
        assert root.tag == "svg"
        assert len(list(root.iter("path"))) > 4
        assert "http" not in chart.svg


def test_no_two_charts_share_a_name(results: Results) -> None:
    names = [name for chart in draw_charts(results) for name in re.findall(r'id="([^"]+)"', chart.svg)]
    assert len(names) == len(set(names)) > 0


def test_lines_have_the_pages_colours(results: Results) -> None:
    svg = draw_charts(results)[1].svg
    assert set(re.findall(r"stroke: ([^;\"]+)", svg)) == {"var(--series-1)", "var(--series-2)", "currentColor"}
    assert [series_of(model, results) for model in ("hazy", "dfs", "other", "clear")] == [None, 1, 2, None]


def test_a_bound_that_would_flatten_all_lines_is_named_instead(results: Results) -> None:
    rows = [
        row | ({"psnr": 100.0} if row["model"] == "clear" else {"psnr": min(row["psnr"], 20.0)}) for row in results.rows
    ]
    charts = draw_charts(replace(results, rows=rows))
    assert [chart.off_scale for chart in charts] == ["clear, at 100.00, is off the scale", ""]
    assert "stroke-dasharray" in charts[0].svg


def test_names_of_columns_cannot_leave_the_chart(hostile: Results) -> None:
    for chart in draw_charts(hostile):
        assert "<script" not in chart.svg
        assert "<img" not in chart.svg


def test_without_fogs_there_are_none(no_reference: Results) -> None:
    assert draw_charts(no_reference) == []
