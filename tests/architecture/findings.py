"""
The checkers of the house: each takes text and returns what is wrong with it, as sentences.

They are functions of values, so that a test can show each of them a fault it must find.
"""

import ast
import functools
import re
import tomllib
from collections.abc import Collection, Iterator

LONGEST_FILE = 400

# Put together here, so that this file does not name what it forbids.
REGISTRY_HOSTS = tuple(
    f"{name}.{ending}"
    for name, ending in (
        ("pypi", "org"),
        ("pypi", "python.org"),
        ("python" + "hosted", "org"),
        ("npmjs", "com"),
        ("npmjs", "org"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("anaconda", "org"),
        ("proxy.golang", "org"),
    )
)
FOREIGN_PRODUCT = re.compile(
    r"\b(?:kimi-?cli|kimi-code-cli|claude-?(?:code|cli)|hermes-?agent|roo-?code|kilo-?code|cline"
    r"|opencode|codex(?:_cli_rs)?|openai(?:-python)?|python-httpx2?|anthropic)/v?(?:\d|$)",
    re.IGNORECASE,
)
FOREIGN_HEADERS = ("x-msh-", "x-stainless-", "x-app", "x-title", "http-referer", "originator")
KIMI_DOMAIN = re.compile(r"\b(?:kimi|moonshot)\.(?:com|ai|cn)\b", re.IGNORECASE)
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.+!]*)")


def too_long(text: str) -> list[str]:
    """Say how many lines there are, if there are too many."""
    lines = len(text.splitlines())
    return [f"{lines} lines"] if lines > LONGEST_FILE else []


def not_one_sentence(source: str) -> list[str]:
    """Say what keeps the module's docstring from being one sentence."""
    told = ast.get_docstring(_tree(source))
    if not told:
        return ["no docstring"]
    if not told.endswith("."):
        return ["the docstring has no full stop"]
    if "\n\n" in told or re.search(r"[.!?]\s+[A-Z]", told):
        return ["the docstring has more than one sentence"]
    return []


def kimi_facts(source: str, model_ids: Collection[str], key_prefixes: Collection[str]) -> list[str]:
    """Return string literals that hold a Kimi host, key prefix or model id; docstrings may."""
    ids = "|".join(re.escape(name) for name in sorted(model_ids, key=len, reverse=True))
    spelled = re.compile(rf"(?<![\w.-])(?:{ids})(?![\w-]|\.\w)", re.IGNORECASE)
    return [
        f"line {line}: {text!r}"
        for line, text in _literals(source)
        if spelled.search(text)
        or KIMI_DOMAIN.search(text)
        or any(prefix in text.lower() for prefix in key_prefixes)
    ]


def names_used(source: str, name: str) -> list[str]:
    """Return the lines on which a name is imported, read or called."""
    lines = set()
    for node in ast.walk(_tree(source)) if name in source else ():
        match node:
            case ast.Name(id=found) | ast.Attribute(attr=found) | ast.alias(name=found):
                if found == name:
                    lines.add(node.lineno)
            case _:
                pass
    return [f"line {line}: {name}" for line in sorted(lines)]


def environment_read(source: str) -> list[str]:
    """Return the lines that touch the process environment."""
    names = ("environ", "environb", "getenv", "getenvb", "putenv")
    return [finding for name in names for finding in names_used(source, name)]


def faults_of_tests(source: str) -> list[str]:
    """Return what a test module must not do: no tests, untold tests, mocks, patches."""
    tree = _tree(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tests = [
        node
        for node in ast.walk(tree)
        if isinstance(node, functions) and node.name.startswith("test_")
    ]
    untold = [f"{node.name} has no docstring" for node in tests if not ast.get_docstring(node)]
    return [*([] if tests else ["no test"]), *untold, *patches(source)]


def patches(source: str) -> list[str]:
    """Return the uses of mocks and of `monkeypatch.setattr`, in tests and their helpers."""
    findings = []
    for node in ast.walk(_tree(source)) if "mock" in source or "setattr" in source else ():
        match node:
            case ast.Import(names=names) if any(n.name.startswith("unittest.mock") for n in names):
                findings.append(f"line {node.lineno}: a mock")
            case ast.ImportFrom(module="unittest.mock"):
                findings.append(f"line {node.lineno}: a mock")
            case ast.ImportFrom(module="unittest", names=names) if any(
                n.name == "mock" for n in names
            ):
                findings.append(f"line {node.lineno}: a mock")
            case ast.Attribute(attr="setattr"):
                findings.append(f"line {node.lineno}: a patch")
            case _:
                pass
    return findings


def dataclasses_for_nothing(source: str) -> list[str]:
    """Return the dataclasses that keep no field out of their `repr`: a Struct does for them."""
    return [
        f"line {node.lineno}: {node.name} is a dataclass"
        for node in (ast.walk(_tree(source)) if "dataclass" in source else ())
        if isinstance(node, ast.ClassDef)
        and any("dataclass" in ast.unparse(each) for each in node.decorator_list)
        and "repr=False" not in ast.unparse(node)
    ]


def foreign_names(source: str) -> list[str]:
    """Return literals with another product's name or headers, and a User-Agent not our constant."""
    findings = [
        f"line {line}: {text!r}"
        for line, text in _literals(source)
        if FOREIGN_PRODUCT.search(text) or text.lower().startswith(FOREIGN_HEADERS)
    ]
    for name, value in _pairs(_tree(source)):
        agent = isinstance(name, ast.Constant) and str(name.value).lower() == "user-agent"
        if agent and not (isinstance(value, ast.Name) and value.id == "USER_AGENT"):
            findings.append(f"line {name.lineno}: a User-Agent that is not USER_AGENT")
    return findings


def no_command(source: str) -> list[str]:
    """Return the remedies, written out in place, that name no command in backquotes."""
    return [
        f"line {node.value.lineno}: {ast.unparse(node.value)}"
        for node in (ast.walk(_tree(source)) if "remedy" in source else ())
        if isinstance(node, ast.keyword)
        and node.arg == "remedy"
        and isinstance(node.value, ast.Constant)
        and node.value.value
        and "`" not in str(node.value.value)
    ]


def registry_hosts(text: str) -> list[str]:
    """Return the hosts of package registries that a text names."""
    return [host for host in REGISTRY_HOSTS if host in text.lower()]


def no_title(markdown: str) -> list[str]:
    """Say so if a page does not begin with a title."""
    return [] if re.match(r"# \S", markdown) else ["no title in the first line"]


def required_packages(pyproject: str) -> set[str]:
    """Return the normalised names of everything a `pyproject.toml` asks for, extras and all."""
    table = tomllib.loads(pyproject)
    project = table["project"]
    extras = project.get("optional-dependencies", {}).values()
    lists = (table["build-system"]["requires"], project["dependencies"], *extras)
    names = {
        normalised(re.split(r"[^A-Za-z0-9._-]", entry, maxsplit=1)[0])
        for entries in lists
        for entry in entries
    }
    return names - {normalised(project["name"])}


def unpinned(constraints: str, required: Collection[str]) -> list[str]:
    """Return lines that are no `name==version`, and required packages without a line."""
    lines = [line for line in constraints.splitlines() if line.strip()]
    strange = [f"not a pin: {line}" for line in lines if not PIN.fullmatch(line)]
    return strange + [f"not pinned: {name}" for name in sorted(set(required) - set(pins(lines)))]


def pins(lines: Collection[str]) -> dict[str, str]:
    """Return name → version of all pins in some lines, the names normalised."""
    found = (match for line in lines for match in PIN.finditer(line))
    return {normalised(match[1]): match[2] for match in found}


def other_pins(text: str, constraints: str) -> list[str]:
    """Return the pins in a text whose version is not the one in the constraints."""
    agreed = pins(constraints.splitlines())
    return [
        f"{name}=={version}"
        for name, version in pins(text.splitlines()).items()
        if agreed.get(name, version) != version
    ]


def normalised(name: str) -> str:
    """Return a package's name as registries compare it: lower case, with single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.lru_cache(maxsize=1)
def _tree(source: str) -> ast.Module:
    """Parse a module once for all that one checker asks of it."""
    return ast.parse(source)


def _literals(source: str) -> Iterator[tuple[int, str]]:
    tree = _tree(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.lineno, node.value


def _pairs(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(tree):
        match node:
            case ast.Tuple(elts=[name, value]):
                yield name, value
            case ast.Dict(keys=keys, values=values):
                yield from ((key, value) for key, value in zip(keys, values, strict=True) if key)
            case ast.Assign(targets=[ast.Subscript(slice=name)], value=value):
                yield name, value
            case _:
                pass
