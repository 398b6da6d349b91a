"""Tables hold the rows in their order, and say which figures are best and how much of the gap was closed."""

import pytest

from dfs_core.evaluation.report.tables import Cell, Table, make_class_tables, make_tables, name_fog
from dfs_core.evaluation.results import Results


def line(table: Table, group: int, model: str) -> tuple[Cell, ...]:
    (found,) = [line for line in table.groups[group].lines if line.model == model]
    return found.cells


def test_there_is_a_table_for_all_data_and_after_it_one_for_each_recording(results: Results) -> None:
    tables = make_tables(results)
    assert [(table.judge, table.part) for table in tables] == [("lite", "all"), ("lite", "0016E5")]
    assert [group.fog for group in tables[0].groups] == [
        "β = 0.01 / m · visibility 300 m",
        "β = 0.02 / m · visibility 150 m",
    ]
    assert [line.model for line in tables[0].groups[0].lines] == ["hazy", "dfs", "other", "clear"]


def test_a_column_without_a_figure_is_left_out(results: Results) -> None:
    assert [column.key for column in make_tables(results)[1].columns] == ["psnr", "miou"]


def test_the_best_under_each_fog_is_marked_but_never_the_bound(results: Results) -> None:
    (table, _) = make_tables(results)
    marked = [
        (number, line.model, column.key)
        for number, group in enumerate(table.groups)
        for line in group.lines
        for column, cell in zip(table.columns, line.cells, strict=True)
        if cell.best
    ]
    assert marked == [
        (0, "dfs", "psnr"),
        (0, "dfs", "miou"),
        (0, "dfs", "flicker"),
        (1, "dfs", "psnr"),
        (1, "dfs", "miou"),
    ]


def test_cells_hold_value_interval_share_of_the_gap_and_gain(results: Results) -> None:
    cell = line(make_tables(results)[0], 0, "other")[1]
    assert (cell.text, cell.interval, cell.gap) == ("48.0", "[47.0, 49.0]", -0.2)
    assert cell.gain == pytest.approx(-2.0)


@pytest.mark.parametrize("model", ["hazy", "clear"])
def test_the_ends_of_the_gap_have_no_share_of_it(results: Results, model: str) -> None:
    assert line(make_tables(results)[0], 0, model)[1].gap is None


def test_what_is_missing_is_a_dash(results: Results) -> None:
    assert line(make_tables(results)[0], 0, "clear")[0] == Cell("–")


def test_classes_have_a_table_in_per_cent(results: Results) -> None:
    (table,) = make_class_tables(results)
    assert [column.title for column in table.columns] == ["road", "car"]
    assert [cell.text for cell in line(table, 0, "dfs")] == ["85.0", "–"]


def test_results_without_fogs_and_judges_are_one_table(no_reference: Results) -> None:
    (table,) = make_tables(no_reference)
    assert (table.judge, [group.fog for group in table.groups]) == ("", [""])
    assert [column.key for column in table.columns] == ["flicker"]
    assert make_class_tables(no_reference) == []


@pytest.mark.parametrize(("beta", "words"), [(None, ""), (0.0, "no fog"), (0.03, "β = 0.03 / m · visibility 100 m")])
def test_a_fog_is_named_by_density_and_visibility(beta: float | None, words: str) -> None:
    assert name_fog(beta) == words
