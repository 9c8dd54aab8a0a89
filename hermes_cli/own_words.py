"""A pasted sentence of our own → the error that says it, looked up in the code itself."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

import agent
import hermes_cli
from agent import errors
from agent.errors import HermesError, NetworkError, ProviderError

FEWEST_WORDS = 5
"""How many words of a sentence with gaps must be ours; one without gaps is known by three."""

Pieces = tuple[str | None, ...]
"""A text as the code has it: what is said as it stands, and None for what is filled in."""


class Own(msgspec.Struct, frozen=True):
    """An error of ours as the code makes it: its class, sentence and advice, and the module."""

    error: type[HermesError]
    sentence: Pieces
    advice: Pieces
    module: str

    @property
    def remedy(self) -> str:
        """The advice with `…` where something is filled in; empty where all of it is."""
        return "".join("…" if each is None else each for each in self.advice).strip("…")


def find_own(text: str) -> Own | None:
    """
    Return the error whose sentence stands in a text, the longest there, or None.

    What an endpoint or the network has said is left out: the atlas knows that. There is no
    table of our sentences that could be false: they are read where they are raised. None
    too where the code is not there as text.
    """
    pasted = " ".join(text.split())
    found = [own for own in _every() if _is_said(own, pasted)]
    return max(found, key=lambda own: _words(own.sentence), default=None)


def _is_said(own: Own, pasted: str) -> bool:
    """Say whether enough of a sentence stands in a text; with its advice under it, any is."""
    fewest = FEWEST_WORDS if None in own.sentence else 3
    if _words(own.sentence) < fewest:
        fewest = 2
        if _words(own.advice) < FEWEST_WORDS or not _pattern(own.advice).search(pasted):
            return False
    return _words(own.sentence) >= fewest and bool(_pattern(own.sentence).search(pasted))


def _pattern(pieces: Pieces) -> re.Pattern[str]:
    # A text's end counts as its own: the line break after it has become a blank.
    texts = [re.sub(r"\s+", " ", piece) for piece in pieces if piece]
    return re.compile(".{1,300}?".join(map(re.escape, texts)))


def _words(pieces: Pieces) -> int:
    return sum(len(re.findall(r"[A-Za-z]+", piece)) for piece in pieces if piece)


def _every() -> Iterator[Own]:
    """Yield every error with a remedy that our code makes."""
    for package in (agent, hermes_cli):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            code = path.read_text()
            if "remedy=" in code:
                yield from _in_module(ast.parse(code), f"{path.relative_to(root.parent)}")


def _in_module(module: ast.Module, name: str) -> Iterator[Own]:
    texts = {
        target.id: _pieces(line.value, {})
        for line in module.body
        if isinstance(line, ast.Assign)
        for target in line.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    made = [call for call in calls if _class_of(call) is not None]
    # `raise _refusal("…")`: the error is made in one function of the module for all of them.
    makers = {
        function.name: call
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef)
        for call in made
        if function.lineno <= call.lineno <= (function.end_lineno or 0)
    }
    for call in calls:
        maker = call if call in made else makers.get(_name_of(call))
        error = _class_of(maker) if maker is not None else None
        if maker is None or error is None:
            continue
        for argument in call.args:
            yield Own(error, _pieces(argument, {}), _advice(maker, texts), name)


def _advice(call: ast.Call, texts: Mapping[str, Pieces]) -> Pieces:
    values = (keyword.value for keyword in call.keywords if keyword.arg == "remedy")
    return next((_pieces(value, texts) for value in values), ())


def _name_of(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _class_of(call: ast.Call) -> type[HermesError] | None:
    """Return the class of an error that a call makes, unless it is for others' words."""
    made = getattr(errors, _name_of(call), None)
    if not isinstance(made, type) or not issubclass(made, HermesError):
        return None
    return None if issubclass(made, ProviderError | NetworkError) else made


def _pieces(node: ast.expr, texts: Mapping[str, Pieces]) -> Pieces:
    """Return a text's pieces; `texts` are the constants that may stand in it."""
    match node:
        case ast.Constant(value=str() as text):
            return (text,)
        case ast.JoinedStr(values=values):
            return tuple(piece for each in values for piece in _pieces(each, texts))
        case ast.FormattedValue(value=ast.Name(id=name)) | ast.Name(id=name):
            return texts.get(name, (None,))
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return (*_pieces(left, texts), *_pieces(right, texts))
        case _:
            return (None,)
