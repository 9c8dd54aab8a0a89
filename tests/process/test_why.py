"""`hermes why`: what an error means, offline, from the rows that the client uses."""

import json
import subprocess

import pytest

from kimi_mock.replies import Reply
from kimi_mock.server import KimiMock
from tests.conftest import PLATFORM_KEY
from tests.process.test_status import HEAVY
from tests.support.commands import Here
from tests.support.process import Hermes
from tests.support.refusals import GATE, OVERLOADED

pytestmark = pytest.mark.here


def test_a_pasted_body_is_explained(here: Here) -> None:
    """Class, meaning, whether it is retried, exit code, the next command, row and source."""
    body = json.dumps({"error": {"message": GATE, "type": "access_terminated_error"}})

    result = here("why", body)

    assert result.code == 0
    assert result.stdout == (
        "Class      IdentityRefused\n"
        "Meaning    The endpoint does not take this program's name on this path.\n"
        "Retried    once, over the endpoint's other wire, under the same name\n"
        "Exit code  4\n"
        "Next       `hermes explain` shows the wire in use and what chose it.\n"
        "Row        identity-gate\n"
        "Source     Kimi Code error reference, read 2026-08; cline#10307, kimi-code#414, "
        "CLIProxyAPI#1327, hermes#83176\n"
    )


def test_words_need_no_quotes(here: Here) -> None:
    """Several arguments are one text, and a dash at its beginning is no option."""
    assert "Overloaded" in here("why", *OVERLOADED.split()).stdout
    assert "Overloaded" in here("why", "-", "The", "engine is currently overloaded").stdout


def test_seconds_are_shown(here: Here) -> None:
    """The wait that the text names is the retry rule."""
    result = here("why", "Organization Rate limit exceeded, please try again after 12 seconds")
    assert "Retried    yes, after 12 s\n" in result.stdout


def test_a_status_with_many_meanings_lists_them(here: Here) -> None:
    """Acceptance 22: which one it is, only the text can tell."""
    result = here("why", "403")

    assert result.code == 0
    assert result.stdout.startswith("403 has 13 meanings\n")
    assert "quota-5-hours" in result.stdout
    assert "`hermes why TEXT`" in result.stdout


def test_a_failure_below_http_is_explained(here: Here) -> None:
    """Acceptance 26: the layer is named, and not the key."""
    result = here("why", "socket.gaierror: [Errno -2] Name or service not known")

    assert result.code == 0
    assert "NameNotResolved" in result.stdout
    assert "Exit code  5\n" in result.stdout
    assert "key" not in result.stdout


@pytest.mark.parametrize("text", ["hello", "403 something quite new", "418"])
def test_what_nobody_knows_is_called_unknown(here: Here, text: str) -> None:
    """Exit code 1, a command, and nothing of the text."""
    result = here("why", text)

    assert result.code == 1
    assert result.stdout.startswith("Unknown: ")
    assert "`hermes chat --debug`" in result.stdout or "`hermes explain`" in result.stdout
    assert "quite new" not in result.stdout


def test_a_sentence_of_our_own_is_sent_to_its_remedy(here: Here) -> None:
    """The atlas holds what endpoints say; what Hermes printed has its command under it."""
    told = here("chat", "-q", "hi", "--provider", "nonsense").stderr

    result = here("why", told)

    assert result.code == 1
    assert "What Hermes says itself is no endpoint's answer: the line under it" in result.stdout


def test_json_has_the_same_story(here: Here) -> None:
    """One document, with every candidate and its rule."""
    document = here.json("why", 'status 429 {"error":{"message":"insufficient balance"}}')

    assert document == {
        "schema": 1,
        "known": True,
        "status": 429,
        "type": "",
        "retry_after_seconds": None,
        "meanings": [
            {
                "row": "empty-balance",
                "class": "EmptyBalance",
                "meaning": "The endpoint says that the account's balance is used up.",
                "retryable": False,
                "retried": "no",
                "exit_code": 4,
                "remedy": "Top up, then ask again; `hermes usage` shows the balance.",
                "source": document["meanings"][0]["source"],
                "below_http": False,
            }
        ],
    }
    assert here.json("why", "(DNS: x)")["meanings"][0]["below_http"] is True
    assert here.json("why", "hello")["meanings"] == []
    assert here("why", "hello", "--json").code == 1


def test_a_pipe_is_read(offline: Hermes) -> None:
    """What another program printed can be piped in, bytes that are no UTF-8 too."""
    result = offline.process("why", stdin=b"\xff oops: " + OVERLOADED.encode())

    assert (result.code, result.stderr) == (0, "")
    assert "Overloaded" in result.stdout


@pytest.mark.parametrize("stdin", [None, " \n"])
def test_nothing_to_explain_is_a_usage_error(offline: Hermes, stdin: str | None) -> None:
    """Without text, two ways to give one are named."""
    result = offline("why", stdin=stdin)

    assert (result.code, result.stdout) == (2, "")
    assert "`hermes why 429`" in result.stderr


def test_a_key_in_the_text_is_never_shown(offline: Hermes) -> None:
    """People paste whole commands and answers; the key in them stays where it was."""
    canary = "sk-kimi-CANARY0123456789"
    for text in (f"401 Incorrect API key provided: {canary}", canary, f"-{canary}", f"--{canary}"):
        for arguments in (("why", text), ("why", "--json", text)):
            result = offline(*arguments)
            assert "CANARY" not in result.stdout + result.stderr


def test_control_characters_do_not_come_out(offline: Hermes) -> None:
    """Nothing of the text is shown, so neither is what could move a cursor."""
    result = offline("why", "\x1b[2J 429 \x07 insufficient balance")

    assert result.code == 0
    assert "\x1b" not in result.stdout


def test_the_line_of_a_real_refusal_is_explained_as_it_was_meant(
    kimi: KimiMock, hermes: Hermes
) -> None:
    """What `hermes chat` printed, pasted into `hermes why`, gives the same class and exit code."""
    for status, said, expected in (
        (401, "Invalid Authentication", "KeyRefused"),
        (404, "Not found the model x or Permission denied", "ModelNotFound"),
        (403, "You've reached your weekly (7-day) usage limit.", "QuotaExhausted"),
    ):
        kimi.replies.append(Reply.error(status, {"error": {"message": said, "type": "x"}}))
        told = hermes("chat", "-q", "hi", key=PLATFORM_KEY)

        explained = hermes("why", stdin=told.stderr)

        assert explained.stdout.startswith(f"Class      {expected}\n"), told.stderr
        assert f"Exit code  {told.code}\n" in explained.stdout


OWN: tuple[tuple[tuple[str, ...], dict[str, str]], ...] = (
    (("chat", "-q", "hi"), {}),
    (("chat", "-q", "hi"), {"KIMI_API_KEY": "sk-kimi-with a blank"}),
    (("status", "--provider", "nobody"), {}),
    (("model", "sk-kimi-CANARY0123456789"), {}),
    (("config", "set", "providers.kimi-coding.probe", "perhaps"), {}),
    (("status",), {"KIMI_BASE_URL": "https://CANARY:CANARY@gateway.example/v1"}),
)


def test_why_works_with_a_broken_home_and_sends_nothing(hermes: Hermes, kimi: KimiMock) -> None:
    """It asks no file and no network: an explanation is there when everything else is not."""
    hermes.home.write_text("a file where the home should be")

    assert hermes("why", "500").code == 0
    assert kimi.connects == []
    assert kimi.seen == []


def test_why_starts_without_what_it_does_not_use(offline: Hermes) -> None:
    """No HTTP library and no screen is imported for a sentence."""
    code = (
        "import sys; from hermes_cli.main import run; code = run(['why', '500']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [offline.argv[0], "-c", code],
        env=offline.env(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[] 0"
