"""`dfs doctor`: the whole picture of this machine, with the command that fixes each gap."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dfs_core.doctor.finding import Finding, Mark, Probe

if TYPE_CHECKING:
    from rich.console import Console

_AT_ONCE = 2
"""Probes that run at the same time: more would time each other."""

_STYLES = {Mark.FINE: "green", Mark.MISSING: "yellow", Mark.BROKEN: "bold red"}


def doctor(
    tensorrt: Annotated[
        bool,
        typer.Option("--tensorrt", help="Try TensorRT, too, which builds an engine where none is kept: minutes."),
    ] = False,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write the findings here.")] = None,
) -> None:
    """Say what this machine has, what it lacks, and the command that fixes each gap.

    Each line is fine, missing (which may be as you want it), or broken. The shipped model is loaded and run on every
    backend; the exit code is 1 only if it runs on none.
    """
    from rich.console import Console

    from dfs_core.doctor import job

    findings: list[Finding] = []
    console = Console()
    for finding in examine(tensorrt=tensorrt):
        if not findings or findings[-1].topic != finding.topic:
            console.print(f"\n{finding.topic}", style="bold", highlight=False)
        _show(finding, console)
        findings.append(finding)
    outcome = job.verdict(findings)
    _show(outcome, console)
    findings.append(outcome)
    healthy = outcome.mark is Mark.FINE
    if json_ is not None:
        _write_json(findings, healthy, json_)
    if not healthy:
        raise typer.Exit(1)


def examine(*, tensorrt: bool = False) -> Iterator[Finding]:
    """Yield what was found, topic by topic; nothing that is wrong with the machine is raised.

    Args:
        tensorrt: whether the main job is tried on it, too, where there is a GPU.
    """
    from dfs_core.doctor import files, gpu, job, machine, packages, ros

    yield from _found([*machine.probes(), *gpu.probes(), *packages.probes(), *ros.probes(), *files.probes()], _AT_ONCE)
    # One after the other, and after all else: its times are shown.
    yield from Probe(job.TOPIC, "backends", lambda: _found(job.probes(tensorrt=tensorrt), 1)).findings()


def _found(probes: Sequence[Probe], at_once: int) -> Iterator[Finding]:
    with ThreadPoolExecutor(at_once) as workers:
        for findings in workers.map(Probe.findings, probes):
            yield from findings


def _show(finding: Finding, console: "Console") -> None:
    from rich.text import Text

    line = Text.assemble("  ", (f"{finding.mark.value:8}", _STYLES[finding.mark]), f"{finding.name:17} ", finding.words)
    console.print(line, soft_wrap=True, highlight=False)
    if finding.cure:
        console.print(Text(f"{'':28}-> {finding.cure}", "dim"), soft_wrap=True, highlight=False)


def _write_json(findings: Sequence[Finding], healthy: bool, path: Path) -> None:
    from dfs_core.whole_output import whole_output

    document = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
    with whole_output(path, overwrite=True) as partial:
        partial.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
