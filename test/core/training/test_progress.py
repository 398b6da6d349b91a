"""What is shown of a run: lines where nobody watches, a display in a terminal."""

import io

from rich.console import Console

from dfs_core.training.progress import Progress


def shown(*, terminal, steps=40):
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=200, color_system=None)
    with Progress(steps, 8, console=console) as progress:
        progress.say("hello [world]")
        for done in range(1, steps + 1):
            progress.step(done, {"pixel": 2.0}, seconds=0.5, waited=0.1)
        progress.figures(steps, {"psnr": 21.25}, is_best=True)
    return text.getvalue()


def test_plain_lines_where_nobody_watches():
    lines = shown(terminal=False).splitlines()
    assert lines[0] == "hello [world]"
    assert lines[1] == "step 2/40: pixel 2 | 16.0 images/s, 20% waiting for data, 0:00:19 left"
    assert lines[-1] == "step 40: validation psnr 21.25 (best so far)"
    assert len(lines) == 22


def test_long_runs_print_a_line_each_fifty_steps():
    assert len(shown(terminal=False, steps=2000).splitlines()) == 2 + 2000 // 50


def test_terminal_shows_bar_losses_speed_and_figures():
    text = shown(terminal=True)
    for words in ("40/40", "loss: pixel 2", "16.0 images/s, 20% waiting for data", "validation psnr 21.25"):
        assert words in text
