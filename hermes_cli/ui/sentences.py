"""What happens to a request and its answer, in sentences and lines."""

from urllib.parse import urlsplit

from agent.events import (
    AnswerBegan,
    BudgetRaised,
    Finished,
    RequestSent,
    Resumed,
    Retrying,
    RouteChanged,
    ServedModel,
    WindowLearnt,
    WireMoved,
)
from agent.identity import PRODUCT
from agent.messages import calls_of, text_of
from agent.tools.text import counted

Happening = (
    WireMoved | Retrying | Resumed | WindowLearnt | ServedModel | BudgetRaised | RouteChanged
)
"""What may happen to a request between its prompt and its answer."""

_SAID_CHARACTERS = 200
_ENDINGS = {
    "length": "The answer stopped at its limit of tokens, before its end (`length`).",
    "content_filter": "The endpoint held back the answer, or the rest of it (`content_filter`).",
    "tool_calls": "The model asked for a tool (`tool_calls`), and this conversation offers none.",
}


def sentences_of(event: Happening) -> tuple[str, ...]:
    """Return the lines that tell what happened to the request on its way."""
    passed_over = event.notices if isinstance(event, RouteChanged) else ()
    return (sentence_of(event), *passed_over)


def sentence_of(event: Happening) -> str:
    """Return the line that tells what happened to the request on its way."""
    match event:
        case WireMoved():
            said = one_line(event.said)
            if len(said) > _SAID_CHARACTERS:
                said = said[:_SAID_CHARACTERS] + "…"
            sentence = (
                f"{urlsplit(event.url).hostname} does not take {PRODUCT} on its {event.refused} "
                f"wire (403: {said}), so this goes over the {event.taken} wire, as the next "
                "prompts will."
            )
        case Retrying():
            sentence = (
                f"{event.reason} Asking again in {event.seconds:.0f} s (try {event.attempt})."
            )
        case Resumed():
            how = "it goes on where it stopped" if event.continued else "it is asked anew"
            sentence = f"{event.reason} Nothing is lost: {how}."
        case WindowLearnt():
            sentence = (
                f"The window of {event.model} is {event.tokens:,} tokens for this key: learnt."
            )
            if event.dropped_messages:
                sentence += f" Left out: {counted(event.dropped_messages, 'old tool result')}."
        case ServedModel():
            sentence = f"{event.served} answered, not {event.asked}."
        case BudgetRaised():
            sentence = (
                f"Thinking used all {event.before_tokens:,} tokens before an answer came: asked "
                f"once more with {event.after_tokens:,}."
            )
        case RouteChanged():
            key = f" with the key {event.key}" if event.key else ""
            sentence = (
                f"{event.reason} Going on with {event.to_model} at "
                f"{urlsplit(event.url).netloc}{key}."
            )
    return sentence


def ending_sentences(event: Finished, *, tools: bool = False) -> list[str]:
    """
    Return what must be told about how an answer ended: nothing if it is whole.

    `tools` says that some were offered, so that a call for one is an answer.
    """
    if tools and calls_of(event.message):
        return [_ENDINGS["length"]] if event.finish_reason == "length" else []
    sentences = [_ENDINGS[event.finish_reason]] if event.finish_reason in _ENDINGS else []
    if not text_of(event.message):
        thought = "The model thought, and" if event.message.parts else "The model"
        sentences.append(f"{thought} answered nothing.")
    return sentences


def request_lines(event: RequestSent) -> list[str]:
    """Return a request as lines, `>` before each; the key is a fingerprint already."""
    lines = [f"{event.method} {event.url}"]
    if event.proxy:
        lines.append(f"through {event.proxy}")
    lines += [f"{name}: {value}" for name, value in event.headers]
    if event.body:
        lines.append(f"{len(event.body):,} bytes:")
        lines.append(event.body.decode("utf-8", "replace"))
    return [f"> {line}" for line in lines]


def head_lines(event: AnswerBegan) -> list[str]:
    """Return the head of an answer as lines, `<` before each."""
    return [f"< {event.status}", *(f"< {name}: {value}" for name, value in event.headers)]


def one_line(text: str) -> str:
    """Return the text with its line breaks and runs of blanks as single blanks."""
    return " ".join(text.split())
