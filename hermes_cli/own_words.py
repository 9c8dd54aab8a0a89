"""A pasted sentence of our own → the error that says it, looked up in the code itself."""

import ast
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from agent import errors
from agent.errors import HermesError, NetworkError, ProviderError

FEWEST_WORDS = 5
"""How many words of a pasted text must be those of an error; short ones fit too much."""

_GAP = "\0"
"""What stands in a text for what is filled in."""


class Own(msgspec.Struct, frozen=True):
    """An error as the code makes it: `words` tell it, `remedy` has `…` where text is filled in."""

    error: type[HermesError]
    words: str
    remedy: str
    module: str


def find_own(text: str) -> Own | None:
    """
    Return the error of ours that a text tells, the one with most words of it, or None.

    What an endpoint or the network has said is left out: the atlas knows that. There is no
    table of our sentences that could be false: they are read where they are raised. None
    too where the code is not there as text.
    """
    pasted = _on_one_line(text)
    told = [own for own in _every() if _is_told(own, pasted)]
    return max(told, key=lambda own: _count(own.words), default=None)


def _is_told(own: Own, pasted: str) -> bool:
    if _count(own.words) < FEWEST_WORDS:
        return False
    first, *others = filter(_count, _on_one_line(own.words).split(_GAP))
    # Atomic: the first place where a piece stands counts, so that no text takes long.
    gaps = (f"(?>.{{0,300}}?{re.escape(piece)})" for piece in others)
    return re.search(re.escape(first) + "".join(gaps), pasted) is not None


def _count(words: str) -> int:
    return len(re.findall(r"[A-Za-z]+", words))


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _every() -> Iterator[Own]:
    """Yield every error with a remedy that our code makes."""
    for package in ("agent", "hermes_cli"):
        for name, code in _modules(files(package), package):
            if "remedy=" in code:
                yield from _in_module(ast.parse(code), name)


def _modules(folder: Traversable, name: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each module below a folder, which may lie in an archive."""
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir():
            yield from _modules(each, f"{name}/{each.name}")
        elif each.name.endswith(".py"):
            yield f"{name}/{each.name}", each.read_text("utf-8")


def _in_module(module: ast.Module, name: str) -> Iterator[Own]:
    constants = {
        target.id: _text(line.value, {})
        for line in module.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    }
    made = {call: error for call in _calls(module) if (error := _class_of(call))}
    # `raise _refusal("…")`: one function of the module makes the error of all of them.
    makers = {
        function.name: call
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef)
        for call in _calls(function)
        if call in made
    }
    for call in _calls(module):
        maker = call if call in made else makers.get(_name_of(call))
        if maker is None or not call.args:
            continue
        sentence = _text(call.args[0], constants)
        advised = (each.value for each in maker.keywords if each.arg == "remedy")
        advice = next((_text(each, constants) for each in advised), "")
        # A short sentence is known by what is printed under it.
        words = sentence if _count(sentence) >= FEWEST_WORDS else f"{sentence} {advice}"
        yield Own(made[maker], words, advice.replace(_GAP, "…").strip("…"), name)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def _name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _class_of(call: ast.Call) -> type[HermesError] | None:
    """Return the class of an error that a call makes, unless it is for others' words."""
    made = getattr(errors, _name_of(call), None)
    if not isinstance(made, type) or not issubclass(made, HermesError):
        return None
    return None if issubclass(made, ProviderError | NetworkError) else made


def _text(node: ast.expr, constants: Mapping[str, str]) -> str:
    """Return a text with gaps; `constants` are the module's, which may stand in it."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(each, constants) for each in values)
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.Name(id=name):
            return constants.get(name, _GAP)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _text(left, constants) + _text(right, constants)
        case _:
            return _GAP
