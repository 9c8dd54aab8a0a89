"""The wizard's question about the model: what there is, each window with its source."""

from functools import partial

from agent.catalog.kimi_models import COMPILED
from agent.errors import UsageError
from agent.route import Route
from hermes_cli.plan import Choice, Task, with_model
from hermes_cli.ui.prompt import Prompter, with_tries


def ask_model(prompter: Prompter, task: Task, choice: Choice) -> Choice:
    """
    Show the models at a choice's endpoint and return the choice with the one that is taken.

    Raises UsageError for a model that the endpoint cannot have.
    """
    if task.flags.model:
        return with_model(task, choice, task.flags.model)
    offered = _show_models(prompter, task, choice)
    default = offered[0] if offered else ""
    if task.model is not None:
        error = task.route(choice).model_error
        prompter.say(f"Set now: {task.model.value} ({task.model.where}).")
        if error is None:
            default = task.model.value
        else:
            prompter.say(error.message, "magenta")
    return with_tries(prompter, partial(_ask_id, prompter, task, choice, offered, default))


def _ask_id(
    prompter: Prompter, task: Task, choice: Choice, offered: tuple[str, ...], default: str
) -> Choice:
    options = f"Enter = {default}" if default else "Enter to choose later"
    numbers = f", 1-{len(offered)}" if offered else ""
    answer = prompter.ask(f"Model [{options}{numbers} or an id]", default)
    if not answer:
        return choice
    if answer.isdecimal():
        if not 1 <= int(answer) <= len(offered):
            raise UsageError(
                f"The models have the numbers 1 to {len(offered)}.",
                remedy="`hermes models` lists them.",
            )
        answer = offered[int(answer) - 1]
    return with_model(task, choice, answer)


def _show_models(prompter: Prompter, task: Task, choice: Choice) -> tuple[str, ...]:
    """Print the models under their numbers, and return their ids in that order."""
    route = task.route(choice)
    ours = [row.id for row in task.row.models]
    if route.live is not None:
        heading = f"In the endpoint's own list of {route.live.at[:10]}:"
        found = [entry.id for entry in route.live.models]
    else:
        heading = f"Known of this endpoint when this version shipped ({COMPILED}):"
        found = [row.id for row in route.endpoint.open_models]
    theirs = [model_id for model_id in found if model_id not in ours]
    width = max((len(model_id) for model_id in (*ours, *theirs)), default=0)
    for number, model_id in enumerate((*ours, *theirs), start=1):
        if number == 1 and ours:
            prompter.say("Models, their windows in tokens, and where each number comes from:")
        if number == len(ours) + 1:
            prompter.say(heading)
        about = _about_model(task.route(choice, model_id))
        prompter.say(f"  {number:>2}  {model_id:<{width}}  {about}")
    return (*ours, *theirs)


def _about_model(route: Route) -> str:
    """Return a model's window, where the number comes from, and what else is known."""
    source = route.window.where.removesuffix(f" {route.model.value}")
    row = route.model_row
    words = [row.standing] if row is not None and row.standing else []
    if route.is_alias:
        words.append(f"sent as {route.model_id_sent}")
    is_closed = row is not None and row.last_day and not route.is_alias
    if route.live is not None and not is_closed and not route.live.model(route.model_id_sent):
        words.append("not offered to this key")
    return f"{route.window.value:>9,}  {source}  {', '.join(words)}".rstrip()
