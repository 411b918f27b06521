"""Help, and that the pages say what the command does."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from fasciaseg.options import Options, ThresholdOptions
from fasciaseg.result import SCHEMA
from fasciaseg.version import __version__
from fasciaseg_cli.app import app

REPO = Path(__file__).resolve().parents[2]
PAGES = [*sorted((REPO / "docs").glob("*.md")), REPO / "README.md", REPO / "CONTRIBUTING.md"]
#: Where the options of each command stand.
PAGE_OF = {
    "agree": "agreement.md",
    "cohort": "cohort.md",
    "classify": "reading-an-exam.md",
    "batch": "batch.md",
    "scan": "scan.md",
    "review": "review.md",
}
COMMANDS: dict[str, Any] = getattr(typer.main.get_command(app), "commands")  # noqa: B009


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], *([name, "--help"] for name in COMMANDS)]
)
def test_help(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments, prog_name="fasciaseg")
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: fasciaseg")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_everything_has_help(name: str) -> None:
    assert COMMANDS[name].help
    for parameter in COMMANDS[name].params:
        assert getattr(parameter, "help", None), parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    page = (REPO / "docs" / PAGE_OF[name]).read_text()
    assert f"fasciaseg {name}" in page
    for parameter in COMMANDS[name].params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("--"):
                assert f"`{option}" in page, option


def test_version() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"fasciaseg {__version__}\n")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['fasciaseg', 'classify', '--help']\n"
        "import fasciaseg_cli\n"
        "from fasciaseg_cli.guard import run\n"
        "run(fasciaseg_cli._app)\n"
        "heavy = 'numpy pydicom scipy skimage onnxruntime PIL rich pydantic'.split()\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_readme_starts_with_two_lines() -> None:
    fence = re.search(r"^```\w*\n(.*?)^```$", (REPO / "README.md").read_text(), re.M | re.S)
    assert fence
    lines = fence[1].splitlines()
    assert len(lines) == 2
    assert "sample_dicoms" in lines[0]
    assert lines[1].endswith("pytest")
    assert not any(line.startswith(("$", ">", "#")) or line.endswith("\\") for line in lines)


def test_every_key_of_the_result_is_documented(exam: Path) -> None:
    import fasciaseg

    page = (REPO / "docs" / "result.md").read_text()
    assert SCHEMA in page

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    options = fasciaseg.Options(study_date=True)
    told = fasciaseg.classify(exam, options).to_dict()
    missing = {key for key in keys(told) if f"`{key}`" not in page}
    assert not missing - set(told["timings_ms"])


def test_every_threshold_is_documented_with_its_default() -> None:
    page = (REPO / "docs" / "method.md").read_text()
    told: dict[str, str] = {}
    for names, defaults in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ([\d., ]+) \|", page, re.M):
        told |= zip(re.findall(r"\w+", names), defaults.split(", "), strict=True)
    assert told == {name: str(value) for name, value in asdict(ThresholdOptions()).items()}


def test_every_option_of_the_library_is_documented() -> None:
    page = (REPO / "docs" / "python.md").read_text()
    for option in fields(Options):
        assert f"| `{option.name}` |" in page, option.name
