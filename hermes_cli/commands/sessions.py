"""`hermes sessions`: earlier conversations, listed, searched, shown, exported, deleted."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from agent.errors import BrokenFile, UsageError
from agent.messages import Message, TextPart, ThinkPart, ToolCall, ToolResult
from agent.session_export import (
    SPEAKERS,
    json_lines,
    markdown,
    plain,
    session_document,
)
from agent.sessions import Entry, Session, Sessions
from agent.tools.text import counted
from hermes_cli.config import get_state_path
from hermes_cli.report import JSON_OPTION
from hermes_cli.session_lease import Lease
from hermes_cli.state_file import read_soundly
from hermes_cli.storage import reason, shown
from hermes_cli.ui.style import print_json, say
from hermes_cli.ui.table import print_table

ID_CHARACTERS = 12
OUTPUT_LINES = 10
"""How many lines of a tool's output `show` prints; `--message` prints them all."""

_COLUMNS = ("id", "last used", "messages", "model", "begins with", "directory")
_ALL_OPTION = click.option("--all", "everywhere", is_flag=True, help="Of every directory.")


@click.group(
    "sessions",
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@_ALL_OPTION
@JSON_OPTION
@click.pass_context
def command(context: click.Context, everywhere: bool, as_json: bool) -> None:
    """List the conversations of this directory; search, show, export or delete one.

    An ID may be shortened to its beginning. `hermes -c` goes on with the last one.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_, everywhere=everywhere, as_json=as_json)


@command.command("list")
@_ALL_OPTION
@JSON_OPTION
def list_(everywhere: bool, as_json: bool) -> None:
    """List the conversations of this directory, the last used one first."""
    sessions = _sessions()
    here = None if everywhere else Path.cwd()
    found = read_soundly(sessions.path, lambda: sessions.list(here))
    if as_json:
        print_json({"sessions": [session_document(session) for session in found]})
        return
    if not found:
        say("There is no conversation yet." if everywhere else _nothing_here())
        return
    title = "Conversations" if here is None else f"Conversations of {shown(here)}"
    print_table(title, _COLUMNS, [_cells(session, everywhere) for session in found])


@command.command("search")
@click.argument("words", nargs=-1, required=True)
@_ALL_OPTION
@JSON_OPTION
def search(words: tuple[str, ...], everywhere: bool, as_json: bool) -> None:
    """Find the messages that hold all WORDS.

    In this directory's conversations: what you said, what was answered, calls and their output
    are searched; reasoning is not.
    """
    sessions = _sessions()
    here = None if everywhere else Path.cwd()
    known = {each.id: each for each in read_soundly(sessions.path, lambda: sessions.list(here))}
    single = " ".join(words).split()
    # Another process may have begun a conversation since they were listed.
    hits = [hit for hit in sessions.search(single, here) if hit.session_id in known]
    if as_json:
        print_json(
            {
                "hits": [
                    {
                        "session": session_document(known[hit.session_id]),
                        "position": hit.position,
                        "excerpt": hit.excerpt,
                    }
                    for hit in hits
                ]
            }
        )
        return
    if not hits:
        where = "any conversation" if everywhere else f"a conversation of {shown(Path.cwd())}"
        more = "" if everywhere else " `--all` searches those of every directory."
        say(f"Nothing in {where} holds all of that.{more}")
    for session_id in dict.fromkeys(hit.session_id for hit in hits):
        session = known[session_id]
        say(f"{_short(session)}  {_when(session.used_at)}  {session.title}", style="bold")
        for hit in hits:
            if hit.session_id == session_id:
                say(f"  [{hit.position}] {hit.excerpt}")


@command.command("show")
@click.argument("session_id", metavar="ID")
@click.option("--message", type=click.IntRange(min=0), metavar="K", help="Only this one, whole.")
def show(session_id: str, message: int | None) -> None:
    """Show a conversation; reasoning and long output are folded.

    With --message K that message alone, with all of its reasoning and output.
    """
    sessions = _sessions()
    session = sessions.find(session_id)
    entries = sessions.entries(session.id)
    if message is None:
        say(session.title or "A conversation", style="bold")
        for line in _about(session):
            say(line, style="dim")
        for entry in entries:
            say()
            _show(entry)
        return
    chosen = next((entry for entry in entries if entry.position == message), None)
    if chosen is None:
        raise UsageError(
            f"The conversation {_short(session)} has no message {message}; they are numbered "
            f"from 0 to {len(entries) - 1}.",
            remedy=f"`hermes sessions show {_short(session)}` shows them all.",
        )
    for part in chosen.message.parts:
        for line in plain(part):
            say(line)


@command.command("export")
@click.argument("session_id", metavar="ID")
@click.option("--format", "kind", type=click.Choice(["md", "jsonl"]), default="md")
@click.option("-o", "--output", default="", metavar="FILE", help="Instead of standard output.")
def export(session_id: str, kind: str, output: str) -> None:
    """Print a whole conversation as Markdown or JSON lines.

    With -o it is written into a new file.
    """
    sessions = _sessions()
    session = sessions.find(session_id)
    entries = sessions.entries(session.id)
    lines = markdown(session, entries) if kind == "md" else json_lines(session, entries)
    if not output:
        for line in lines:
            say(line)
        return
    path = Path(output).expanduser()
    made = False
    try:
        path.touch(mode=0o600, exist_ok=False)
        made = True
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    except OSError as error:
        if made:
            path.unlink(missing_ok=True)  # a part of a conversation is worse than none
        raise UsageError(
            f"{shown(path)} cannot be written: {reason(error)}.",
            remedy="An existing file is never replaced: name another with `-o FILE`.",
        ) from error
    say(f"Written to {shown(path)}: {counted(len(entries), 'message')}.")


@command.command("delete")
@click.argument("session_ids", nargs=-1, required=True, metavar="ID...")
def delete(session_ids: tuple[str, ...]) -> None:
    """Delete conversations for good, with all their messages.

    What you said in them goes from the history of typed lines too.
    """
    # Here, since it brings the prompt with it, which nothing else here needs.
    from hermes_cli.ui.line_editor import forget_lines

    sessions = _sessions()
    for session in [sessions.find(each) for each in session_ids]:
        with Lease() as lease:
            if not lease.take(session.id):
                raise UsageError(
                    f"The conversation {_short(session)} is open in another process, and was not "
                    "deleted.",
                    remedy=f"End that one, then run `hermes sessions delete {_short(session)}`.",
                )
            typed = _said(sessions, session)
            sessions.delete(session.id)
            forget_lines(sessions.path, typed)
        say(f"Deleted {_short(session)}  {session.title}".rstrip())


def _sessions() -> Sessions:
    return Sessions(get_state_path())


def _said(sessions: Sessions, session: Session) -> set[str]:
    """Return what the user said; nothing where it cannot be read, which must go all the same."""
    said: set[str] = set()
    with suppress(BrokenFile):
        for entry in sessions.entries(session.id):
            parts = entry.message.parts if entry.role == "user" else ()
            said |= {part.text for part in parts if isinstance(part, TextPart)}
    return said


def _nothing_here() -> str:
    return (
        f"No conversation was begun in {shown(Path.cwd())}; "
        "`hermes sessions --all` lists those of every directory."
    )


def _short(session: Session) -> str:
    return session.id[:ID_CHARACTERS]


def _when(at: str) -> str:
    """Return a stored time in local hours and minutes."""
    return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"


def _cells(session: Session, everywhere: bool) -> tuple[str, ...]:
    return (
        _short(session),
        _when(session.used_at),
        str(session.message_count),
        session.model,
        session.title,
        shown(session.directory) if everywhere else "",
    )


def _about(session: Session) -> Iterator[str]:
    facts: dict[str, Any] = session_document(session)
    yield f"{session.id}  {facts['directory']}"
    yield (
        f"{session.provider} {session.base_url} {session.model}, "
        f"{_when(session.begun_at)} to {_when(session.used_at)}, "
        f"{counted(session.message_count, 'message')}"
    )
    if session.forked_from:
        yield f"a copy of {session.forked_from[:ID_CHARACTERS]}"


def _show(entry: Entry) -> None:
    """Print a message under a line that says who spoke; reasoning and output are folded."""
    model = f" · {entry.made.model}" if entry.made.model else ""
    speaker = SPEAKERS.get(entry.role, entry.role)
    say(f"[{entry.position}] {speaker}{model} · {_when(entry.at)}", style="bold")
    for line, is_dim in _folded(entry.message):
        say(line, style="dim" if is_dim else "")


def _folded(message: Message) -> Iterator[tuple[str, bool]]:
    """Yield the lines of a message, each with whether it is a side matter."""
    for part in message.parts:
        match part:
            case ThinkPart():
                yield f"(thought {len(part.text):,} characters)", True
            case ToolCall():
                yield from ((f"→ {line}", True) for line in plain(part))
            case ToolResult():
                lines = list(plain(part))
                yield f"← {part.name}{', failed' if part.is_error else ''}", True
                yield from ((f"  {line}", True) for line in lines[:OUTPUT_LINES])
                if len(lines) > OUTPUT_LINES:
                    yield f"  … {len(lines) - OUTPUT_LINES} more lines", True
            case TextPart():
                yield from ((line, False) for line in plain(part))
            case _:
                yield from ((line, True) for line in plain(part))
