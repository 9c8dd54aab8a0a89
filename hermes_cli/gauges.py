"""What a conversation shows of itself while it goes on: its use, the window, the branch, a plan."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from agent.costs import Sent, Totals, cache_fall, cached_share
from agent.errors import BrokenFile
from agent.events import Finished
from agent.learnt import LearntPlan
from agent.loop_events import Compacted
from agent.messages import Message
from agent.route import Route
from hermes_cli.config import color_wanted
from hermes_cli.models import read_facts
from hermes_cli.ui.status_line import Status, branch_of
from hermes_cli.ui.style import printable, styled, writable
from hermes_cli.ui.tool_lines import fitted
from hermes_cli.ui.usage_lines import fall_sentence, percent, route_cost, spent_words


class Gauges:
    """The figures of a conversation: `totals` are what its answers and summaries used."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._sent: Sent | None = None
        self._tokens = 0
        self._cached: float | None = None
        self._branch = ""
        self._plans: Mapping[tuple[str, str], LearntPlan] = {}

    def begin(self, totals: Totals | None = None) -> None:
        """Begin another session; without `totals` they go on."""
        self.totals = totals or self.totals
        self._sent, self._tokens, self._cached = None, 0, None

    def look(self, directory: Path) -> None:
        """Look again at what others may have changed: the branch, what is known of plans."""
        self._branch = branch_of(directory)
        with suppress(BrokenFile):  # told where it matters
            self._plans = read_facts().plans

    def has_new_cache(self) -> None:
        """Note that what was sent before is in no cache of the next request."""
        self._sent = None

    def count(self, event: Finished, route: Route, sent: Sequence[Message]) -> str:
        """
        Add the answer to what was `sent`.

        Returns a sentence if less of it came from the cache than before, else an empty text.
        """
        self.totals = self.totals.plus(event.usage, route_cost(route, event.model, event.usage))
        before, self._sent = self._sent, None
        if event.usage is None:
            return ""
        self._sent = Sent(tuple(sent), event.usage)
        self._tokens = event.usage.prompt_tokens + event.usage.completion_tokens
        self._cached = cached_share(event.usage)
        fall = cache_fall(before, self._sent) if before is not None else None
        return fall_sentence(fall, self._sent.messages) if fall is not None else ""

    def shortened(self, event: Compacted, route: Route) -> None:
        """Add what a summary has used; what was sent before is not what goes out next."""
        self.has_new_cache()
        if (answer := event.answer) is not None:
            cost = route_cost(route, answer.model, answer.usage)
            self.totals = self.totals.plus(answer.usage, cost)

    def line(self, route: Route, mode: str, columns: int) -> str:
        """Return the status line, dimmed where there are colours."""
        window = route.window.value
        plan = self._plans.get((route.chat_base_url, route.key_digest))
        status = Status(
            model=route.model.value,
            host=route.base_url.value.partition("://")[2].partition("/")[0],
            mode=mode,
            window=percent(self._tokens / window) if self._tokens and window else "",
            cached=percent(self._cached) if self._cached is not None else "",
            cost=spent_words(self.totals, route, plan, now=datetime.now(UTC)),
            branch=self._branch,
        )
        line = fitted(writable(printable(status.line(columns - 1))), columns - 1)
        return styled(line, "dim") if color_wanted() else line
