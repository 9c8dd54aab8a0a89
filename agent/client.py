"""A Route and messages → events: mends what can be mended, learns, and says what it did."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Self

import msgspec
from msgspec.structs import replace

from agent.catalog.rows import Wire
from agent.choice import Candidate, Chosen, Origin
from agent.cleaning import Makers
from agent.compaction import Compaction, count_changed, drop_oldest_tool_output
from agent.detour import Detour, options_for, route_changed
from agent.errors import (
    ContextOverflow,
    EgressRefused,
    EntitlementRefused,
    HermesError,
    IdentityRefused,
    KeyRefused,
    ModelNotFound,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    ReasoningMissing,
    UsageError,
)
from agent.events import (
    BudgetRaised,
    Event,
    Finished,
    Resumed,
    Retrying,
    ServedModel,
    Waiting,
    WindowLearnt,
    WireMoved,
)
from agent.exchange import Exchange, key_of, place_of, refusal, room_tokens
from agent.learnt import Learnt, LiveModel
from agent.live_list import ModelList, read_models
from agent.messages import Message, Options, Tool, calls_of, text_of
from agent.recorder import Recorder
from agent.route import Route
from agent.transport.http import Http, HttpRequest, request_sent
from agent.transport.network import Network
from agent.transport.retry import Patience, wait_seconds
from agent.turn import Left, Turn, can_be_continued, joined
from agent.wire.turns import Memory

MODEL_LIST_BYTES = 16 * 1024 * 1024
RAISED_BUDGET_TOKENS = 65_536
"""What an answer gets whose first budget went into reasoning, if the window has it."""


class _Mended(msgspec.Struct, frozen=True):
    """What was done about a failure, as the user is told, and the wait before the next try."""

    event: Event
    wait: float = 0.0


_PAST_THE_GATE = (EntitlementRefused, ModelNotFound, QuotaExhausted, RateLimited)
"""Refusals of an endpoint that has looked at the plan: our name was no matter on that wire."""


class Client:
    """
    Asks one Route; an asynchronous context manager.

    `route` is the Route in use: it is replaced whole when the endpoint refuses our name on
    a wire that it is known to guard, or names the model's true window, or when `detour` has
    another one where this one cannot go on; `learnt` remembers the first two, and what the
    endpoint said to the key. After a detour the conversation is cleaned for the new Route, for
    as long as the client lives: see `agent.cleaning`. `network` is the way out, direct if none
    is given. `sleep` is an argument so that waiting can be told from time. `compact` is asked
    once, when a conversation is longer than the window.
    """

    def __init__(
        self,
        route: Route,
        network: Network | None = None,
        *,
        learnt: Learnt | None = None,
        detour: Detour | None = None,
        patience: Patience | None = None,
        compact: Compaction = drop_oldest_tool_output,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._detour = detour
        self._patience = patience or Patience()
        self._compact = compact
        self._sleep = sleep
        self._resources = AsyncExitStack()
        self._recorder = Recorder(learnt)
        self._makers = Makers()
        self._exchange: Exchange | None = None
        self._take(route, network or Network())

    def _take(self, route: Route, network: Network) -> None:
        """Make a Route the one in use, with nothing of another one's."""
        self.route = route
        self._network = network
        self._wire_before = route.wire.value
        self._http = Http(network)
        self._memory: dict[Wire, Memory] = {"chat": Memory(), "messages": Memory()}

    async def __aenter__(self) -> Self:
        """Return itself; nothing is sent before the first prompt."""
        await self._resources.enter_async_context(self._http)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._resources.aclose()

    def partial(self) -> Message:
        """Return what has come of the answer under way, or of the one that broke off."""
        if self._exchange is None:
            return Message("assistant", ())
        return joined(self._exchange.turn.came, self._exchange.reader.partial())

    async def stream(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        options: Options | None = None,
    ) -> AsyncGenerator[Event]:
        """
        Send the conversation and yield what happens, to the Finished at the end.

        One HTTP request, unless something can be mended: a name refused on one wire, a
        failure that may pass, a cut stream, a window that was smaller than known, a budget
        that went into reasoning, a Route that cannot go on where another can. Each is told by
        an event. Raises ProviderError, NetworkError or ConfigurationError when nothing can be
        mended any more.
        """
        turn = Turn(messages, tools, options or Options())
        turn.messages = self._makers.cleaned(messages, self.route)
        done = False
        while not done:
            exchange = self._exchange = Exchange(
                self.route, turn, self._memory[self.route.wire.value]
            )
            try:
                yield request_sent(exchange.request, self._network)
                async with self._http.send(exchange.request) as answer:
                    yield answer.began
                    await exchange.check(answer)
                    async for chunk in answer.chunks():
                        for event in exchange.read(chunk):
                            yield event
                        if exchange.over:
                            await answer.drain()
                            break
                    for event in exchange.rest():
                        yield event
                events, wait = self._last_events(exchange), 0.0
                done = isinstance(events[-1], Finished)
            except HermesError as error:
                mended = await self._mend(error, turn)
                events, wait = [mended.event], mended.wait
            if done:
                self._recorder.wire(self.route, self._wire_before)
                self._recorder.accepted(self.route)
            for event in events:
                yield event
            async for tick in self._countdown(wait):
                yield tick

    async def fetch(self, path: str) -> bytes:
        """Return the body of a GET below the chat base URL. Raises as `stream` does."""
        return await self._get(f"{self.route.chat_base_url}{path}")

    async def list_models(self) -> tuple[LiveModel, ...]:
        """Ask the endpoint for the models of this key. Raises as `stream` does."""
        return (await self.model_list()).models

    async def model_list(self) -> ModelList:
        """Ask as `list_models` does; what the answer proposed and we refused is told too."""
        return read_models(await self._get(self.route.models_url), place_of(self.route))

    async def _get(self, url: str) -> bytes:
        key_header = self.route.endpoint.key_header
        request = HttpRequest("GET", url, key=key_of(self.route), key_header=key_header)
        async with self._http.send(request) as answer:
            body = await answer.read(MODEL_LIST_BYTES)
            if answer.status != 200:
                raise refusal(self.route, answer, body)
        return body

    async def _countdown(self, seconds: float) -> AsyncGenerator[Event]:
        """Wait, and tell once a second how long it still takes."""
        while seconds > 1:
            yield Waiting(seconds)
            await self._sleep(1)
            seconds -= 1
        if seconds:
            await self._sleep(seconds)

    def _last_events(self, exchange: Exchange) -> list[Event]:
        """Return a larger budget if the turn needs one, else its end and who served it."""
        calls = exchange.end()
        raised = self._raised(exchange)
        if raised is not None:
            return [raised]
        finished = msgspec.structs.replace(exchange.finished, message=self.partial())
        asked = self.route.model_id_sent
        events: list[Event] = [*calls, finished]
        if finished.model and finished.model.lower() != asked.lower():
            events.insert(-1, ServedModel(asked=asked, served=finished.model))
        return events

    # --- what can be mended ---------------------------------------------------------------

    async def _mend(self, error: HermesError, turn: Turn) -> _Mended:
        """Change the Route or the turn so that another request may succeed, or raise."""
        if isinstance(error, KeyRefused):
            self._recorder.refused(self.route)
        if isinstance(error, _PAST_THE_GATE):
            self._recorder.wire(self.route, self._wire_before)
        hopped = await self._hop(error, turn, final=False) if error.another_key_helps else None
        mended = hopped or self._here(error, turn)
        if mended is None and error.another_route_helps:
            mended = await self._hop(error, turn, final=True)
        if mended is None:
            raise error
        return mended

    def _here(self, error: HermesError, turn: Turn) -> _Mended | None:
        """Return what can be done about an error at the same endpoint with the same key."""
        match error:
            case IdentityRefused():
                return self._move(error, turn)
            case ContextOverflow():
                return self._learn_window(error, turn)
            case ReasoningMissing():
                return self._fill_reasoning(error, turn)
            case _:
                return self._again(error, turn) if error.retryable else None

    async def _hop(self, error: HermesError, turn: Turn, *, final: bool) -> _Mended | None:
        """Go on elsewhere, if the detour knows where and the turn can be asked there."""
        if self._detour is None:
            return None
        before, left = self.route, [*turn.left, Left(self.route, error)]
        self._makers.note(turn.asked[0], before)
        passed_over: list[str] = []
        while hop := await self._detour.after(left, error, final=final):
            options, dropped = options_for(hop.route, turn.asked[1])
            messages = self._makers.cleaned(turn.asked[0], hop.route)
            unfit = _unfit(hop.route, Turn(messages, turn.tools, options))
            if not unfit:
                turn.left = left
                turn.elsewhere(self.partial(), messages, options)
                await self._resources.aclose()
                self._take(hop.route, hop.network)
                await self._resources.enter_async_context(self._http)
                changed = route_changed(before, error, hop, (*passed_over, *dropped))
                return _Mended(changed, hop.wait_seconds)
            passed_over += [*hop.notices, f"{place_of(hop.route)} was passed over: {unfit}"]
            left.append(Left(hop.route))
        return None

    def _move(self, error: IdentityRefused, turn: Turn) -> _Mended | None:
        """Go to the endpoint's other wire, once; a wire that the user's setting names stays."""
        route = self.route
        refused = route.wire.value
        guarded = set(route.endpoint.refuses_unknown_clients)
        free: list[Wire] = [wire for wire in route.endpoint.wires if wire not in guarded]
        kept = route.wire.origin is Origin.CONFIG or refused not in guarded
        if kept or not free or not turn.once("move"):
            return None
        self.route = route.on_wire(
            free[0], origin=Origin.REMEMBERED, where="the endpoint refused our name just now"
        )
        return _Mended(
            WireMoved(refused=refused, taken=free[0], url=self.route.url, said=error.said)
        )

    def _learn_window(self, error: ContextOverflow, turn: Turn) -> _Mended | None:
        """Remember the window that the error named, leave out what does not fit, ask once more."""
        if not error.tokens or not turn.once("window"):
            return None
        route = self.route
        limit = self._recorder.window(route, error.tokens)
        before = Candidate(route.window.value, route.window.origin, route.window.where)
        window = Chosen(error.tokens, Origin.LEARNT, f"learnt on {limit.at[:10]}", beaten=(before,))
        self.route = replace(route, window=window)
        budget = min(route.output_tokens or 0, error.tokens // 4)
        messages = self._compact(turn.messages, error.tokens - budget)
        dropped = count_changed(turn.messages, messages)
        turn.messages = messages
        return _Mended(
            WindowLearnt(model=route.model_id_sent, tokens=error.tokens, dropped_messages=dropped)
        )

    def _fill_reasoning(self, error: ReasoningMissing, turn: Turn) -> _Mended | None:
        """Ask once more without thinking, or with a blank where reasoning never came."""
        if not turn.once("reasoning"):
            return None
        row = self.route.row_sent
        if row is not None and row.thinking == "both":
            turn.options = msgspec.structs.replace(turn.options, effort="off")
        else:
            turn.reasoning_filler = " "
        return _Mended(Retrying(seconds=0, attempt=1, reason=error.message))

    def _again(self, error: HermesError, turn: Turn) -> _Mended | None:
        """Wait and ask again: from where the answer stopped if it can go on there."""
        came = self.partial()
        grew = came.parts and came != turn.came
        if grew:
            turn.progressed()
        turn.tries += 1
        wait = wait_seconds(
            self._patience,
            tries=turn.tries,
            waited=turn.waited,
            asked=error.retry_after_seconds if isinstance(error, ProviderError) else None,
            chance=random.random(),  # noqa: S311 - spreads clients over time, guards nothing
        )
        if wait is None:
            return None
        turn.waited += wait
        if not came.parts:
            return _Mended(Retrying(seconds=wait, attempt=turn.tries, reason=error.message), wait)
        continued = self._continues(came, turn)
        if continued:
            turn.came = came
        else:
            turn.start_anew(came)
        return _Mended(Resumed(reason=error.message, continued=continued), wait)

    def _continues(self, came: Message, turn: Turn) -> bool:
        has_mode = "partial-mode" in self.route.endpoint.quirks
        on_chat = self.route.wire.value == "chat"
        in_call = self._exchange is not None and self._exchange.reader.in_call
        return has_mode and on_chat and not in_call and can_be_continued(came, turn.options)

    def _raised(self, exchange: Exchange) -> BudgetRaised | None:
        """Return the event of a larger budget if reasoning has used all of this one, once."""
        turn, message = exchange.turn, self.partial()
        answered = text_of(message).strip() or calls_of(message)
        if answered or exchange.finished.finish_reason != "length":
            return None
        before = turn.options.budget_tokens or self.route.output_tokens or 0
        after = min(max(RAISED_BUDGET_TOKENS, 2 * before), room_tokens(self.route, turn))
        if after <= before or not turn.once("budget"):
            return None
        turn.with_budget(after)
        turn.start_anew(message)
        return BudgetRaised(before_tokens=before, after_tokens=after)


def _unfit(route: Route, turn: Turn) -> str:
    """Return why a turn cannot be asked over a Route, as a sentence, or an empty text."""
    try:
        Exchange(route, turn, Memory())
    except (EgressRefused, UsageError) as error:
        return error.message
    return ""
