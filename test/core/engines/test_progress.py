"""Phases that lie in one another become one share of the whole, worked out by hand here."""

import pytest

from dfs_core.engines.progress import Phases


def test_a_step_of_a_phase_is_its_share_of_the_step_that_it_lies_in():
    phases = Phases()
    phases.start("whole", None, 4)
    assert phases.step("whole", 0) == 0.25
    phases.start("part", "whole", 2)
    assert phases.step("part", 0) == 0.375
    phases.start("detail", "part", 5)
    assert phases.step("detail", 0) == pytest.approx(0.4)
    phases.finish("detail")
    phases.finish("part")
    assert phases.step("whole", 2) == 0.75
    assert phases.step("whole", 3) == 1.0


def test_what_comes_again_does_not_lead_back():
    phases = Phases()
    phases.start("whole", None, 2)
    phases.start("part", "whole", 2)
    assert phases.step("part", 1) == 0.5
    phases.start("part", "whole", 2)
    assert phases.step("part", 0) == 0.5


def test_two_phases_of_one_name_may_end():
    phases = Phases()
    phases.start("whole", None, 1)
    phases.finish("whole")
    phases.finish("whole")
    phases.start("whole", None, 1)
    assert phases.step("whole", 0) == 1.0
