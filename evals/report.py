"""What came of the trials: a Markdown table, with the totals last."""

from collections.abc import Iterator, Sequence

from agent.costs import Totals, cached_share
from agent.messages import Usage
from evals.trial import Trial

HEAD = ("task", "language", "solved", "steps", "calls", "failed", "tokens", "cached", "seconds")
_TO_THE_LEFT = 2


def table(trials: Sequence[Trial]) -> str:
    """Return one line a trial and one of totals, and below it why each that failed did."""
    tried = [trial for trial in trials if not trial.skipped]
    solved = sum(trial.solved for trial in tried)
    rows = [_row(trial) for trial in trials]
    total = [
        f"{len(tried)} tried",
        "",
        f"{solved} of {len(tried)}",
        *_figures(tried),
    ]
    lines = [_line(HEAD), _rule(), *map(_line, rows), _line(total)]
    notes = list(_notes(trials))
    return "\n".join([*lines, *(["", *notes] if notes else [])]) + "\n"


def costs(trials: Sequence[Trial]) -> str:
    """Return what all of them cost together, or an empty text where nobody knows."""
    amounts: dict[str, list[str]] = {}
    for trial in trials:
        for cost in trial.totals.costs:
            amounts.setdefault(cost.currency, []).append(str(cost.amount))
    words = [f"{sum(map(float, each)):.4f} {currency}" for currency, each in amounts.items()]
    unpriced = sum(trial.totals.unpriced for trial in trials)
    if unpriced:
        words.append(f"{unpriced} answers of unknown price")
    return " and ".join(words)


def _row(trial: Trial) -> list[str]:
    task = trial.task
    if trial.skipped:
        return [task.name, task.language, "skipped", *[""] * (len(HEAD) - 3)]
    return [task.name, task.language, "yes" if trial.solved else "NO", *_figures([trial])]


def _figures(trials: Sequence[Trial]) -> list[str]:
    """Return steps, calls, failed calls, tokens, cached share and seconds of trials together."""
    usage = _usage([trial.totals for trial in trials])
    share = cached_share(usage)
    return [
        f"{sum(trial.steps for trial in trials):,}",
        f"{sum(trial.calls for trial in trials):,}",
        f"{sum(trial.failed_calls for trial in trials):,}",
        f"{usage.prompt_tokens + usage.completion_tokens:,}",
        "" if share is None else f"{share:.0%}",
        f"{sum(trial.seconds for trial in trials):.1f}",
    ]


def _usage(totals: Sequence[Totals]) -> Usage:
    return Usage(
        prompt_tokens=sum(each.usage.prompt_tokens for each in totals),
        completion_tokens=sum(each.usage.completion_tokens for each in totals),
        cached_tokens=sum(each.usage.cached_tokens for each in totals),
    )


def _notes(trials: Sequence[Trial]) -> Iterator[str]:
    for trial in trials:
        if trial.why and not trial.solved:
            yield f"- {trial.task.name}: {' '.join(trial.why.split())}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _rule() -> str:
    return _line(["---"] * _TO_THE_LEFT + ["---:"] * (len(HEAD) - _TO_THE_LEFT))
