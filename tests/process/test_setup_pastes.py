"""Acceptance 13 and 14: what people paste in place of a key, each over a real pipe."""

import pytest

from tests.support.process import Hermes

pytestmark = pytest.mark.here

KEY = "sk-kimi-abcdefgh0123456789"
PLATFORM = "sk-abcdefgh0123456789"
INSIDE = "abcdefgh"
"""Stands in every paste below that holds a key, and must never be on the screen."""

ACCEPTED = {
    "plain": (KEY, KEY),
    "platform": (PLATFORM, PLATFORM),
    "line end": (f"{KEY}\n", KEY),
    "crlf": (f"{KEY}\r\n", KEY),
    "blanks around": (f"  \t{KEY}  \n\n", KEY),
    "double quotes": (f'"{KEY}"', KEY),
    "single quotes": (f"'{KEY}'", KEY),
    "curly quotes": (f"\u201c{KEY}\u201d", KEY),
    "backquotes": (f"`{KEY}`", KEY),
    "export": (f"export KIMI_API_KEY={KEY}", KEY),
    "export quoted": (f'export MOONSHOT_API_KEY="{PLATFORM}";', PLATFORM),
    "dotenv line": (f"KIMI_API_KEY = {KEY}", KEY),
    "powershell": (f'$env:KIMI_API_KEY="{KEY}"', KEY),
    "bearer": (f"Bearer {KEY}", KEY),
    "header": (f"Authorization: Bearer {KEY}", KEY),
    "zero-width": (f"\u200b{KEY[:9]}\u200d{KEY[9:]}\u2060", KEY),
    "byte order mark": (f"\ufeff{KEY}\r\n", KEY),
    "bracketed paste": (f"\x1b[200~{KEY}\x1b[201~", KEY),
    "doubled": (KEY + KEY, KEY),
    "doubled with a blank": (f"{KEY} {KEY}", KEY),
    "doubled in two lines": (f"{KEY}\n{KEY}\n", KEY),
    "prefix in capitals": (f"SK-KIMI-{INSIDE}0123456789", f"SK-KIMI-{INSIDE}0123456789"),
    "longest": ("sk-" + INSIDE + "x" * 501, "sk-" + INSIDE + "x" * 501),
}

REFUSED = {
    "empty": ("", "Nothing was pasted."),
    "blank": (" \n\t\n", "Nothing was pasted."),
    "only quotes": ("''", "Nothing was pasted."),
    "only a name": ("export KIMI_API_KEY=", "Nothing was pasted."),
    "two keys": (f"{KEY}\n{PLATFORM}\n", "2 lines were pasted"),
    "only the mark": ("'sk-kimi-'", "nothing follows its beginning, sk-kimi-"),
    "a placeholder": ("KIMI_API_KEY=sk-........", "nothing follows its beginning, sk-"),
    "too short": ("sk-abcd", "it has 7 characters, and a key has at least 8"),
    "too long": ("sk-" + INSIDE + "x" * 502, "it has 513 characters, and a key has at most 512"),
    "endless": ("sk-" + INSIDE * 20_000, "a key has at most 512"),
    "full width": ("\uff53\uff4b-" + INSIDE, "not ASCII"),
    "inner blank": (f"sk-kimi-{INSIDE} 0123", "a blank or a line break inside"),
    "control character": (f"sk-kimi-{INSIDE}\x07abc", "a control character"),
    "not text": (b"\xff\xfes\x00k\x00-" + INSIDE.encode(), "not ASCII"),
    "no sk-": (f"{INSIDE}0123456789", "does not begin with sk-"),
    "Anthropic": (f"sk-ant-api03-{INSIDE}", "looks like a key of Anthropic"),
    "OpenRouter": (f"sk-or-v1-{INSIDE}", "looks like a key of OpenRouter"),
    "OpenAI": (f"export OPENAI_API_KEY=sk-proj-{INSIDE}", "looks like a key of OpenAI"),
    "Google": (f"AIza{INSIDE}0123", "looks like a key of Google"),
    "Groq": (f'"gsk_{INSIDE}0123"', "looks like a key of Groq"),
}


@pytest.mark.parametrize(("pasted", "key"), ACCEPTED.values(), ids=ACCEPTED)
def test_a_dirty_paste_is_cleaned(offline: Hermes, pasted: str, key: str) -> None:
    """The key inside is saved for its product, whatever stood around it, and never shown."""
    result = offline("setup", "--key-stdin", "--unchecked", stdin=pasted)

    place = (
        "Kimi Coding endpoint: https://api.kimi.com/coding/v1"
        if key.lower().startswith("sk-kimi-")
        else "Moonshot endpoint: https://api.moonshot.ai/v1"
    )
    assert result.code == 0, result.stderr
    assert f"✓ Kimi API key saved ({place})" in result.stdout.splitlines()
    assert (offline.home / ".env").read_text() == f"KIMI_API_KEY={key}\n"
    assert INSIDE not in result.stdout + result.stderr


@pytest.mark.parametrize(("pasted", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_key_is_refused_with_the_reason(
    offline: Hermes, pasted: str | bytes, reason: str
) -> None:
    """Exit 3, a sentence and a command; nothing is saved and nothing repeated."""
    result = offline("setup", "--key-stdin", stdin=pasted)

    assert result.code == 3
    assert reason in result.stderr
    assert "`hermes " in result.stderr
    assert result.stdout == ""
    assert not offline.home.exists()
    assert INSIDE not in result.stderr


def test_what_was_taken_off_is_told(offline: Hermes) -> None:
    """Acceptance 13: what is made of a paste is seen, also where nobody is asked."""
    saved = offline.process("setup", "--key-stdin", "--unchecked", stdin=f"export K='{KEY}'")
    checked = offline.process("key", "check", stdin=f"'{KEY}'")

    words = "Taken off: the variable name before it, quotes around it."
    assert words in saved.stdout.splitlines()
    assert checked.stderr.splitlines()[0] == "Taken off: quotes around it."
