"""What the pages and the help say of our commands and settings is what there is."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from agent.catalog import PROVIDERS
from agent.catalog.local import MODEL_FILE_VARIABLE
from hermes_cli.config import read_settings
from hermes_cli.main import COMMANDS, cli
from hermes_cli.setting_names import every_name
from tests.support.commands import Here

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
CODE_BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^    (?:\$ )?(hermes\b.*)$", re.MULTILINE)
AT_A_PROMPT = re.compile(r"(?:.*\| *|\$ |.*/bin/)?(hermes(?: .*)?)")
IN_BACKQUOTES = re.compile(r"`(hermes(?:\s[^`]*)?)`")
QUOTED = re.compile(r"`([^`]+)`")
FIRST_COLUMN = re.compile(r"^\| (`[^|]*) \|", re.MULTILINE)


# --- commands that are named --------------------------------------------------------------


def commands_of_page(text: str) -> Iterator[str]:
    """Yield what a page says to type: in blocks of code, and in backquotes."""
    for block in CODE_BLOCK.findall(text):
        for line in block.splitlines():
            if typed := AT_A_PROMPT.fullmatch(line.strip()):
                yield typed[1]
    prose = CODE_BLOCK.sub("", text)
    yield from (*INDENTED.findall(prose), *IN_BACKQUOTES.findall(prose))


def commands_of_code(source: str) -> Iterator[str]:
    """Yield the commands in backquotes in texts of the code; WORD stands for what is put in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from IN_BACKQUOTES.findall(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts = (p.value if isinstance(p, ast.Constant) else "WORD" for p in node.values)
            yield from IN_BACKQUOTES.findall("".join(map(str, parts)))


def fault_of(command: str) -> str:
    """Return what a command line names that there is not, or nothing."""
    text = re.sub(r"[\[\]]", " ", command.removeprefix("hermes"))
    try:
        words = shlex.split(text, comments=True)
    except ValueError:  # a quote that ends behind a word that is put in
        words = text.split()
    at: click.Command = cli
    context = click.Context(cli, info_name="hermes")
    for word in words:
        if word in ("|", "<", ">", "&", "&&"):
            break
        if re.match(r"--?\w", word):
            if not takes(at, word.partition("=")[0]):
                return f"{command}: no option {word}"
        elif isinstance(at, click.Group) and word != "WORD":
            found = at.get_command(context, word)
            if found is None:
                return f"{command}: no command {word}"
            at = found
    return ""


def takes(command: click.Command, option: str) -> bool:
    """Say whether a command has an option of that name."""
    known = {"-h", "--help"}
    for each in command.params:
        known.update(each.opts, each.secondary_opts)
    return option in known


def test_every_command_that_is_named_exists() -> None:
    """A remedy or a page that names a command or an option of another day cannot be followed."""
    code = [path for part in ("agent", "hermes_cli") for path in (ROOT / part).rglob("*.py")]
    named = [(p, text) for p in pages() for text in commands_of_page(p.read_text())]
    named += [(p, text) for p in code for text in commands_of_code(p.read_text())]

    assert [f"{path.name}: {fault}" for path, text in named if (fault := fault_of(text))] == []
    assert len(named) > 300


@pytest.mark.parametrize(
    "text",
    [
        "hermes stats",
        "hermes status --jsn",
        "hermes key lst",
        "hermes sessions [list] [--every]",
        "hermes key check --probe < FILE | hermes --none",
    ],
)
def test_a_command_that_is_not_there_is_seen(text: str) -> None:
    """Else the test above would pass whatever the pages name; after a pipe is another program."""
    assert bool(fault_of(text)) is ("|" not in text)


# --- help ---------------------------------------------------------------------------------


def every_command() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with the words that call it."""
    context = click.Context(cli, info_name="hermes")
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield (name,), command
        if isinstance(command, click.Group):
            for inner, below in command.commands.items():
                yield (name, inner), below


def faults_of_help(page: str, command: click.Command) -> Iterator[str]:
    """Yield what is wrong with a page of help."""
    lines = [line for line in page.splitlines() if not line.startswith("Usage:")]
    yield from (line for line in lines if len(line) > 80 or line.endswith("..."))
    if not (command.help or "").partition("\n\n")[0].endswith("."):
        yield f"no sentence: {command.help!r}"
    for each in command.params:
        told = isinstance(each, click.Option) and not each.hidden and each.help
        if told and not told.endswith("."):
            yield f"no sentence: {told!r}"
        if told == "":
            yield f"nothing told of {each.opts}"


def test_every_page_of_help_is_whole(here: Here) -> None:
    """Each command and option says in a sentence what it does, in 80 columns, and none is cut."""
    faults = [
        f"{words}: {fault}"
        for words, command in every_command()
        for fault in faults_of_help(here(*words, "--help").stdout, command)
    ]

    assert faults == []


# --- settings -----------------------------------------------------------------------------


def name_on_page(path: tuple[str, ...]) -> str:
    """Return how the page writes a setting: ID for a shipped provider, NAME for one of the user."""
    match path:
        case ("providers", provider, key) if provider != "local":
            return f"providers.{'NAME' if provider == 'own' else 'ID'}.{key}"
        case _:
            return ".".join(path)


def variables_we_read() -> set[str]:
    """Return the variables that the reader of the environment names, and the first provider's."""
    source = (ROOT / "hermes_cli" / "config.py").read_text()
    named = set(re.findall(r'"([A-Z]+_[A-Z_]+)"', source))
    first = PROVIDERS[0]
    return named | {*first.key_variables, first.base_url_variable, MODEL_FILE_VARIABLE}


def test_every_setting_and_variable_is_on_its_page(here: Here) -> None:
    """The page names what is read, and nothing that is not."""
    here.write("config.toml", '[providers.own]\nbase_url = "https://own.invalid/v1"\n')
    with here.environment({}):
        names = list(every_name(read_settings()))

    known = {name_on_page(name.path) for name in names if name.path}
    told = {name for cell in FIRST_COLUMN.findall(CONFIGURATION) for name in QUOTED.findall(cell)}
    settings = {name for name in told if re.match(r"(?:providers|permissions|limits)\.", name)}
    # The page says that these are as those of a shipped provider.
    as_above = {name for name in known if name.replace(".NAME.", ".ID.") in told}
    assert sorted(known - told - as_above) == []
    assert sorted(settings - known) == []
    assert sorted(variables_we_read() - told) == []


def test_every_option_of_chat_is_on_the_page() -> None:
    """What can be said once can also be looked up, beside what can be set for good."""
    [chat] = [command for words, command in every_command() if words == ("chat",)]
    options = [each for each in chat.params if isinstance(each, click.Option)]
    told = re.findall(r"(-[-\w]+)", " ".join(FIRST_COLUMN.findall(CONFIGURATION)))

    untold = [o.opts for o in options if not {*o.opts, *o.secondary_opts} & {*told, "--query"}]
    assert untold == []


# --- places -------------------------------------------------------------------------------


def pages() -> list[Path]:
    """Return the pages for people."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("benchmarks/*.md")]


def places_named(page: Path) -> Iterator[Path]:
    """Yield what a page links to, and the paths of the tree that it names in backquotes."""
    text = page.read_text()
    links = (link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link)
    parts = "agent|hermes_cli|kimi_mock|tests|docs|evals/tasks|scripts|examples"
    paths = re.findall(rf"`((?:{parts})/[\w./-]*)`", text)
    yield from (page.parent / link for link in links)
    yield from (ROOT / path for path in paths)


def is_there(place: Path) -> bool:
    """Say whether a place exists; a decision may be named by its number alone."""
    return place.exists() or any(place.parent.glob(f"{place.name}-*.md"))


def test_every_place_that_a_page_names_is_there() -> None:
    """A link or a path into the tree leads somewhere, also after a module was renamed."""
    lost = [
        f"{page.name}: {to}" for page in pages() for to in places_named(page) if not is_there(to)
    ]

    assert lost == []


def test_the_layers_on_the_page_are_those_that_are_checked() -> None:
    """`docs/architecture.md` draws what `lint-imports` holds the agent to."""
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = page.partition("\nagent ")[2].partition("\n```")[0]
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [checked] = [each for each in linter["contracts"] if each.get("containers") == ["agent"]]

    assert [line.strip() for line in drawn.splitlines()] == checked["layers"]
