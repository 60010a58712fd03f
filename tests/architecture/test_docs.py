"""What the documents claim is true: commands, options, error codes, routes, names.

`COLORIZE_REFRESH=1` rewrites docs/commands.md from the program instead of comparing.
"""

import os
import re
from pathlib import Path

import pytest
import typer.main
from colorizer import cli
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[2]
COMMAND = typer.main.get_command(cli.app)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def help_page():
    """docs/commands.md as the program itself tells it."""
    lines = [
        "# Commands",
        "",
        "`./colorize COMMAND` from a clone, `colorize COMMAND` once installed. Made by the tests.",
        "",
    ]
    runner = CliRunner()
    for name, command in COMMAND.commands.items():
        for inner in ("", *getattr(command, "commands", ())):
            words = [name, inner] if inner else [name]
            shown = runner.invoke(cli.app, [*words, "--help"], prog_name="colorize", env={"COLUMNS": "100"})
            lines += [f"## {' '.join(words)}", "```", shown.output.strip(), "```", ""]
    return "\n".join(lines)


def test_commands_page_is_what_the_program_says():
    page = ROOT / "docs" / "commands.md"
    if os.environ.get("COLORIZE_REFRESH"):
        page.write_text(help_page(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == help_page()


def test_readme_names_only_commands_that_exist():
    named = set(re.findall(r"\./colorize ([a-z]+)", text("README.md")))
    assert {"demo", "test", "krita"} <= named <= {*COMMAND.commands, "test"}


def test_readme_pictures_exist():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text("README.md"))
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/manual.md"])
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", text(page))
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_every_error_code_is_documented():
    from colorizer import errors

    classes = [item for item in vars(errors).values() if isinstance(item, type)]
    codes = {item.code for item in classes if issubclass(item, errors.ColorizerError)}
    documented = text("docs/wire.md")
    assert [code for code in codes if f"`{code}`" not in documented] == []
