"""What is stored of a conversation: its tables, and the values that go in and come out."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import msgspec

from agent.costs import Cost
from agent.messages import Message, Part, TextPart, ToolCall, ToolResult, Usage

SCHEMA = """
create table if not exists sessions (
    number integer primary key, id text not null unique, directory blob not null,
    provider text not null, base_url text not null, model text not null,
    begun_at text not null, used_at text not null,
    title text not null default '', forked_from text not null default '');
create table if not exists session_messages (
    session_id text not null, position integer not null, at text not null, role text not null,
    message blob not null, model text not null, usage blob,
    currency text, amount text, covered integer, made_by text,
    primary key (session_id, position));
create table if not exists session_views (
    number integer primary key, session_id text not null, ends integer not null,
    at text not null, how text not null, items text not null);
create table if not exists session_texts (
    number integer primary key autoincrement, session_id text not null,
    position integer not null, text text not null);
create index if not exists session_texts_of on session_texts (session_id, position);
"""

SUMMARY = "summary"
"""The stored role of a message that stands for older ones: nobody said it."""

STORED = "stored:"
"""What a model puts before the position of a message to see what was left out of it."""

TITLE_CHARACTERS = 120


class Session(msgspec.Struct, frozen=True):
    """
    A conversation without its messages.

    `id` is also the `prompt_cache_key` of its requests. `directory` is where it was begun,
    `base_url` the chat base URL it was begun at, `model` the id as asked for; `begun_at` and
    `used_at` are ISO times (UTC) of its first and last writing. `title` is the first line the
    user said, `forked_from` the id of the conversation it is a copy of; either may be empty.
    """

    id: str
    directory: Path
    provider: str
    base_url: str
    model: str
    begun_at: str
    used_at: str
    title: str
    forked_from: str
    message_count: int


class MadeBy(msgspec.Struct, frozen=True):
    """Who made an answer: the ids of the provider and endpoint rows, and the model id as sent."""

    provider: str
    endpoint: str
    model: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """
    How an answer came about.

    `model` is the id that served, `cost` None where nobody knows the price, `by` None where
    the conversation was kept without it.
    """

    usage: Usage | None = None
    model: str = ""
    cost: Cost | None = None
    by: MadeBy | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """
    A stored message.

    `position` counts a conversation's messages from 0 and never changes. `role` is the
    message's, or `summary` for one that stands for older ones. `made` is an answer's.
    `standing` is `kept` for what was there when the conversation was last made shorter, and
    `replaced` where `message` is not what was said.
    """

    position: int
    at: str
    role: str
    message: Message
    made: Made
    standing: Literal["said", "kept", "replaced"] = "said"


ENTRY_COLUMNS = "position, at, role, message, model, usage, currency, amount, covered, made_by"


def entry_of(row: Sequence[Any]) -> Entry:
    """Return the entry of a row of ENTRY_COLUMNS. Raises msgspec.DecodeError or ValueError."""
    position, at, role, content, model, usage, currency, amount, covered, made_by = row
    made = Made(
        usage=None if usage is None else msgspec.json.decode(usage, type=Usage),
        model=model,
        cost=Cost(currency, Decimal(amount), bool(covered)) if currency else None,
        by=None if made_by is None else msgspec.json.decode(made_by, type=MadeBy),
    )
    return Entry(position=position, at=at, role=role, message=decoded(content), made=made)


def row_of(entry: Entry) -> tuple[Any, ...]:
    """Return the row of ENTRY_COLUMNS of an entry."""
    made = entry.made
    cost = made.cost
    return (
        entry.position,
        entry.at,
        entry.role,
        encoded(entry.message),
        storable(made.model),
        None if made.usage is None else msgspec.json.encode(made.usage),
        *((cost.currency, str(cost.amount), cost.covered) if cost else (None, None, None)),
        None if made.by is None else msgspec.json.encode(made.by).decode(),
    )


def encoded(message: Message) -> bytes:
    """Return a message as JSON; lone surrogates, which UTF-8 has not, as three bytes each."""
    try:
        return msgspec.json.encode(message)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(message), ensure_ascii=False)
        return text.encode("utf-8", "surrogatepass")


def decoded(content: bytes) -> Message:
    """Return the message of `encoded`. Raises msgspec.DecodeError or ValueError."""
    try:
        return msgspec.json.decode(content, type=Message)
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = json.loads(content.decode("utf-8", "surrogatepass"))
        return msgspec.convert(document, type=Message)


def storable(text: str) -> str:
    """Return the text as it can be put into UTF-8: half an emoji becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def words_of(message: Message) -> str:
    """Return what can be searched for in a message: its text, calls and results, no reasoning."""
    return storable("\n".join(filter(None, map(_words, message.parts))))


def _words(part: Part) -> str:
    match part:
        case TextPart():
            return part.text
        case ToolCall():
            return f"{part.name} {part.arguments}"
        case ToolResult():
            return "\n".join(filter(None, map(_words, part.parts)))
        case _:
            return ""


def title_of(message: Message) -> str:
    """Return the first line that says something, shortened; empty if there is none."""
    texts = (part.text for part in message.parts if isinstance(part, TextPart))
    lines = (" ".join(line.split()) for text in texts for line in text.splitlines())
    line = storable(next(filter(None, lines), ""))
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"
