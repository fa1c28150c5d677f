"""Every command explains itself, fails in one clear line, and is written right wherever the documents name it."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from app.cli.main import COMMANDS, cli
from tests.guards import source
from tests.servers.base import SERVER_PATH
from tests.servers.taxops import PROGRAM


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that lead to it."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, f"{' '.join(path)} lists {name} but can't load it"
            yield from commands(found, (*path, name))


ALL = dict(commands(cli))


def taxops(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": SERVER_PATH, "LANG": "C.UTF-8", "TAXOPS_HOME": str(home / "state"), "HOME": str(home)}
    return subprocess.run([str(PROGRAM), *arguments], env=environment, cwd=home, capture_output=True, text=True,
                          timeout=60, check=False, stdin=subprocess.DEVNULL)  # fmt: skip


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_command_says_what_it_does(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert command.help, "no help text"
    text = command.get_help(click.Context(command, info_name=" ".join(("taxops", *path))))
    assert "--help" in text
    assert "Options:" in text


def test_the_program_itself_prints_its_help(tmp_path: Path) -> None:
    done = taxops("--help", home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in ALL if len(name) == 1 and name[0] not in done.stdout] == []
    assert not (tmp_path / "state").exists(), "asking for help leaves nothing behind"


def test_every_command_of_the_table_is_there() -> None:
    assert {path[0] for path in ALL if path} == set(COMMANDS)


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("token", "create"), ("run", "--role", "cook"), ("init", "extra")]
)
def test_a_wrong_command_line_fails_in_words(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = taxops(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("taxops: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_wrong_setting_is_named_with_what_was_given_and_what_is_allowed(tmp_path: Path) -> None:
    environment = {"PATH": SERVER_PATH, "TAXOPS_HOME": str(tmp_path / "state"), "TAXOPS_BIND": "everywhere"}
    done = subprocess.run([str(PROGRAM), "run"], env=environment, cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in ("TAXOPS_BIND", "everywhere", "ADDRESS:PORT"))


def documents() -> list[Path]:
    tops = {"README.md", "README.zh.md", "docs"}  # docs holds docs/zh
    return [path for path in source.files(".md") if path.relative_to(source.ROOT).parts[0] in tops]


def documented(program: str) -> list[tuple[str, list[str]]]:
    """Command lines of one program in the documents' code (fenced blocks and `spans`), with where they stand."""
    found = []
    for path in documents():
        text = path.read_text("utf-8")
        fenced = re.findall(r"^```(?:sh|bash|console|shell|text)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        lines = [line for block in fenced for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)
        for line in lines:
            match = re.match(rf"^\s*(?:[$#]\s+)?(?:[A-Z_]+=\S*\s+)*{program}(\s.*)?$", line)
            if match:
                words = shlex.split((match.group(1) or "").split(" #")[0], comments=True)
                found.append((f"{source.name(path)}: {line.strip()}", words))
    return found


def test_make_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (source.ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    unknown = [
        where
        for where, words in documented("make")
        if any("=" not in word and word not in targets for word in words if re.fullmatch(r"[a-z-]+", word))
    ]
    assert unknown == []


def test_taxops_commands_in_the_documents_exist() -> None:
    unknown = []
    for where, words in documented("taxops"):
        path: tuple[str, ...] = ()
        while words and isinstance(ALL[path], click.Group) and (*path, words[0]) in ALL:
            path = (*path, words.pop(0))
        command = ALL[path]
        if isinstance(command, click.Group) and words and not words[0].startswith("-"):
            unknown.append(f"{where}: there is no {' '.join((*path, words[0]))}")
        options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        options |= {"--help", "-h"}
        unknown += [
            f"{where}: {' '.join(path)} has no {word}"
            for word in (each.split("=")[0] for each in words)
            if word.startswith("--") and word not in options
        ]
    assert unknown == []
