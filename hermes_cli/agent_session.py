"""A session of the agent in a directory: its tools, its permission, its loop, what is stored."""

import platform
import shutil
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec

from agent.catalog.rows import ModelRow
from agent.cleaning import maker
from agent.client import Client
from agent.errors import ConfigurationError
from agent.journal import SessionJournal, iso_now
from agent.limits import Limits
from agent.loop import Loop, Work
from agent.loop_events import Compacted
from agent.messages import Message, Options
from agent.permission import Mode
from agent.permission.guard import Guard
from agent.prompt import Place, read_instructions, system_prompt
from agent.sandbox import Sandbox
from agent.sessions import Sessions
from agent.toolbox import definitions, tools_for
from agent.tools.base import BaseTool, Workspace
from agent.window import Fill, Shortener, fill
from hermes_cli.agent_settings import read_fetch_private, read_limits, read_share
from hermes_cli.auth import key_variables
from hermes_cli.config import (
    Settings,
    child_environment,
    get_hermes_home,
    get_state_path,
    read_network,
)
from hermes_cli.permissions import open_permission
from hermes_cli.sandbox import read_sandbox
from hermes_cli.session_lease import Lease, Opened, begin, go_on
from hermes_cli.undoing import open_snapshots

Ask = Callable[[str, tuple[str, ...]], Awaitable[str]]
"""Asks a person a question of the model, with choices or none; returns the answer."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """
    What a session is to be.

    `directory` is where it works. `mode` None is the setting `permissions.mode`. `resumes` goes
    on with the directory's last session, or with the one whose id begins with `resume`.
    `with_tools` False sends neither tools nor a system prompt; None does as the model's row
    says. `ask` asks the person who is there; None: nobody is.
    """

    directory: Path
    mode: Mode | None = None
    resumes: bool = False
    resume: str = ""
    effort: str = ""
    with_tools: bool | None = None
    ask: Ask | None = None


class AgentSession:
    """
    A session under way, and a context manager: `loop` is the agent, `workspace` where it works.

    `id` is the stored session's and the `prompt_cache_key` of its requests, `guard` its
    permission, `sandbox` what confines its commands. `notices` are sentences that the user must
    see. `take_notices` gives those that came up since.
    """

    def __init__(self, client: Client, parts: "_Parts") -> None:
        """Begin with a client, which need not be open."""
        self.workspace = parts.workspace
        self.guard = parts.guard
        self.sandbox = parts.sandbox
        self.place = parts.place
        self.journal = parts.journal
        self.notices = parts.notices
        self._lease = parts.lease
        self._snapshots = open_snapshots()
        self._told = not parts.is_kept
        tools = parts.tools
        options = parts.options
        self.shortener = Shortener(
            definitions(tools), options=options, record=self.journal, share=parts.share
        )
        work = Work(
            tools=tools,
            permission=self.guard,
            system=system_prompt(self.place) if tools else "",
            limits=parts.limits,
            keeper=self._snapshots,
            compactor=self.shortener,
        )
        self._fit_for = maker(client.route)
        self.loop = Loop(
            client, work, journal=self.journal, messages=parts.messages, options=options
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    def close(self) -> None:
        """End what is running, and drop the scratch files; again is harmless."""
        self._snapshots.after_turn()
        self.loop.close()
        self._lease.release()
        shutil.rmtree(self.workspace.scratch, ignore_errors=True)

    @property
    def id(self) -> str:
        """The id of the stored session."""
        return self.journal.session_id

    @property
    def has_tools(self) -> bool:
        """Say whether tools are sent."""
        return bool(self.loop.work.tools)

    def use(self, client: Client) -> None:
        """
        Go on over another client; for another endpoint or model what was said is cleaned.

        The client before may have gone elsewhere in its turn: what counts is for whom the
        messages here are.
        """
        self.loop.client = client
        if not self.loop.messages:
            self._fit_for = maker(client.route)
        elif maker(client.route) != self._fit_for:
            self._reload()

    # --- a turn ---------------------------------------------------------------------------

    def say(self, message: Message | None) -> None:
        """
        Begin a turn with what the user says: `loop.run` does it, `end_turn` ends it.

        None begins it with the messages that were put in before.
        """
        self._snapshots.begin_turn(self.workspace.root, self.id)
        if message is not None:
            self.loop.say(message)

    def end_turn(self) -> tuple[str, ...]:
        """Note what the turn left of files, and return sentences that the user must see."""
        notices = [
            f"{kept.path} {kept.lost}: `hermes undo` cannot bring it back."
            for kept in self._snapshots.after_turn()
        ]
        failure = self.journal.failure
        if failure is not None and not self._told:
            self._told = True
            notices.append(f"This conversation is not kept on disk any more: {failure.message}")
        return tuple(notices)

    def take_back(self) -> None:
        """Take the last message back, which got no answer."""
        self.loop.messages.pop()
        self.journal.replace(self.loop.messages, "The last message got no answer.")

    # --- the conversation -----------------------------------------------------------------

    def fork(self) -> str:
        """Go on in a copy; return the id of the one that stays as it is."""
        old = self.journal.fork()
        self._lease.take(self.id)
        self._reload()
        return old

    def rewind(self, position: int) -> str:
        """Take back what was said from a position on; return the id of a copy that has all."""
        kept = self.journal.rewind(position)
        self._reload()
        return kept

    async def compact(self) -> Compacted | None:
        """Make the conversation shorter by a summary; None if there is nothing to sum up."""
        loop = self.loop
        done = await self.shortener.shorten(
            loop.client, loop.work.system, loop.messages, force=True
        )
        if done is None:
            return None
        loop.go_on_shorter(*done)
        return done[1]

    def fill(self) -> Fill:
        """Return what fills the window."""
        return fill(
            self.loop.messages,
            system=self.loop.work.system,
            tools=definitions(self.loop.work.tools),
            window=self.loop.client.route.window,
            counted=self.journal.counted,
            instructions=self.place.instructions,
        )

    def _reload(self) -> None:
        route = self.loop.client.route
        self.loop.messages[:] = self.journal.messages_for(route)
        self._fit_for = maker(route)


class _Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is made of."""

    workspace: Workspace
    guard: Guard
    sandbox: Sandbox
    place: Place
    journal: SessionJournal
    lease: Lease
    tools: tuple[BaseTool[Any], ...]
    options: Options
    limits: tuple[Limits, Limits]
    share: float
    messages: tuple[Message, ...] = ()
    notices: tuple[str, ...] = ()
    is_kept: bool = True


def open_session(client: Client, settings: Settings, wanted: Wanted) -> AgentSession:
    """
    Return a session over a client; nothing is sent or stored before something is said.

    Raises UsageError if there is no session to resume, BrokenFile if it cannot be read, and
    ConfigurationError for a wrong rule or setting.
    """
    sessions = Sessions(get_state_path())
    root = wanted.directory.resolve()
    sandbox = read_sandbox(settings, root)
    limits, share = read_limits(settings), read_share(settings)
    opened, notices = _opened(sessions, root, wanted)
    try:
        workspace = Workspace(
            root=root,
            scratch=_scratch(),
            private=(get_hermes_home().resolve(),),
            environment=child_environment(key_variables(settings)),
        )
        guard = open_permission(settings, workspace, mode=wanted.mode)
        journal = SessionJournal(
            sessions, opened.session_id, directory=root, route=lambda: session.loop.client.route
        )
        workspace.stored = journal.text_at
        row = client.route.row_sent
        offers = _offers_tools(wanted.with_tools, row)
        parts = _Parts(
            workspace=workspace,
            guard=guard,
            sandbox=sandbox,
            place=_place(root, sessions, opened),
            journal=journal,
            lease=opened.lease,
            tools=tools_for(
                workspace,
                sandbox=sandbox,
                network_for=read_network,
                images=bool(row and row.image),
                answer=wanted.ask,
                allow_private=read_fetch_private(settings),
            )
            if offers
            else (),
            options=Options(effort=wanted.effort, cache_key=opened.session_id),
            limits=limits,
            share=share,
            messages=journal.messages_for(client.route) if opened.resumed else (),
            notices=notices,
            is_kept=opened.resumed or not opened.notice,
        )
    except BaseException:
        opened.lease.release()
        raise
    session = AgentSession(client, parts)
    return session


def _scratch() -> Path:
    """Return a new directory for what is too long to show."""
    try:
        return Path(tempfile.mkdtemp(prefix="hermes-")).resolve()
    except OSError:
        # Nothing can be written anywhere: the tools that would need it say so.
        return get_hermes_home().resolve() / "scratch"


def _opened(sessions: Sessions, root: Path, wanted: Wanted) -> tuple[Opened, tuple[str, ...]]:
    """Return the conversation to go on with, or a new one, and what must be told of that."""
    if not wanted.resumes:
        try:
            return begin(), ()
        except ConfigurationError as error:
            notice = f"This conversation is not kept on disk: {error.message}"
            return Opened(uuid.uuid4().hex, Lease(), notice=notice), (notice,)
    opened = go_on(sessions, root, clock=iso_now, beginning=wanted.resume)
    notices = (opened.notice,) if opened.notice else ()
    begun = sessions.find(opened.session_id).directory
    if begun != root:
        where = f"It was begun in {begun}; the tools work in {root}."
        notices = (*notices, where)
    return opened, notices


def _place(root: Path, sessions: Sessions, opened: Opened) -> Place:
    """Return where a session works, and its first day, so that its prompt stays the same."""
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    if opened.resumed:
        day = sessions.find(opened.session_id).begun_at[: len(day)]
    return Place(root=root, system=platform.system(), day=day, instructions=read_instructions(root))


def _offers_tools(asked: bool | None, row: ModelRow | None) -> bool:
    """Say whether a session has tools: as asked, else by what is known of the model."""
    if row is None:
        return asked is not False
    return row.tools and (row.tools_unasked if asked is None else asked)
