"""Keys cannot be printed, know their hosts, and come out of dirty pastes clean or not at all."""

import contextlib
import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import AuthError, EgressRefused
from agent.keys import ApiKey, check_shape, clean_paste, plain_text

CANARY = "sk-kimi-abcdefgh12345"


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda k: f"{k!r:>40}", ascii])
def test_no_way_of_printing_shows_the_key(show) -> None:  # type: ignore[no-untyped-def]
    """Whatever turns it into text gives the fingerprint: four characters and a hash."""
    shown = show(ApiKey(CANARY))
    assert CANARY not in shown
    assert CANARY[:-4] not in shown
    assert "2345" in shown


def test_a_key_cannot_be_pickled_or_put_into_json() -> None:
    """A key does not leave the process by accident."""
    key = ApiKey(CANARY)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError) as caught:
            leave(key)
        assert CANARY not in str(caught.value)


def test_a_short_key_shows_none_of_its_characters() -> None:
    """Four characters of eight would be half the key."""
    assert "wxyz" not in ApiKey("abcdwxyz").fingerprint


def test_what_is_no_text_has_a_fingerprint_too() -> None:
    """A variable may hold bytes that are no UTF-8; `hermes key list` broke at one (2026-11-22)."""
    key = ApiKey(f"{CANARY}-\udcff\udcff")
    assert key.fingerprint == f"… ({key.digest})"
    assert key.hide_in(b"nothing of it") == b"nothing of it"
    assert key.digest != ApiKey(CANARY).digest


def test_two_keys_that_end_alike_are_told_apart() -> None:
    """The hash in the fingerprint differs where the last four characters do not."""
    first, second = ApiKey("sk-kimi-first-000-2345"), ApiKey("sk-kimi-other-000-2345")
    assert first.fingerprint != second.fingerprint


def test_a_key_goes_to_its_hosts_and_no_other() -> None:
    """The header is made only for a host the key may see, and the refusal does not show it."""
    key = ApiKey(CANARY, hosts=frozenset({"api.kimi.com"}))
    assert key.header_value("Authorization", "API.kimi.com") == f"Bearer {CANARY}"
    with pytest.raises(EgressRefused, match=r"does not belong to evil\.invalid") as caught:
        key.header_value("Authorization", "evil.invalid")
    assert CANARY not in caught.value.message


def test_the_prefix_is_seen_in_any_case_and_an_empty_one_never() -> None:
    """Case does not change the product (acceptance 13); no prefix is no match."""
    assert ApiKey("SK-KIMI-ABCDEFGH").starts_with("sk-kimi-")
    assert not ApiKey("sk-kimi").starts_with("sk-kimi-")
    assert not ApiKey(CANARY).starts_with("")


CLEANED = {
    "as it is": (CANARY, 0),
    "blanks around it": (f"  {CANARY}\t\n", 0),
    "double quotes": (f'"{CANARY}"', 1),
    "single quotes": (f"'{CANARY}'", 1),
    "curly quotes": (f"\u201c{CANARY}\u201d", 1),
    "backquotes": (f"`{CANARY}`", 1),
    "export": (f"export KIMI_API_KEY={CANARY}", 1),
    "export with quotes": (f'export KIMI_API_KEY="{CANARY}"', 2),
    "assignment with blanks": (f"KIMI_API_KEY = {CANARY}", 1),
    "PowerShell": (f'$env:KIMI_API_KEY="{CANARY}"', 2),
    "cmd": (f"set KIMI_API_KEY={CANARY}", 1),
    "bearer": (f"Bearer {CANARY}", 1),
    "header": (f"Authorization: Bearer {CANARY}", 1),
    "zero-width": (f"\u200b{CANARY[:9]}\u200b{CANARY[9:]}\ufeff", 1),
    "direction marks": (f"\u202a{CANARY}\u202c", 1),
    "soft hyphen": (f"{CANARY[:8]}\u00ad{CANARY[8:]}", 1),
    "twice": (CANARY * 2, 1),
    "twice with a blank": (f"{CANARY} {CANARY}", 1),
    "twice on two lines": (f"{CANARY}\n{CANARY}\n", 1),
    "bracketed paste": (f"\x1b[200~{CANARY}\x1b[201~", 0),
    "semicolon of a shell line": (f"KIMI_API_KEY='{CANARY}';", 2),
    "carriage return": (f"{CANARY}\r\n", 0),
}


@pytest.mark.parametrize(("pasted", "taken"), CLEANED.values(), ids=CLEANED)
def test_a_dirty_paste_is_cleaned_and_says_so(pasted: str, taken: int) -> None:
    """Acceptance 13: what was taken off is told in words, and never holds the key."""
    text, words = clean_paste(pasted)
    assert text == CANARY
    assert len(words) == taken
    assert CANARY not in " ".join(words)


REFUSED = {
    "empty": ("", "Nothing was pasted"),
    "blank": (" \t\n ", "Nothing was pasted"),
    "only quotes": ('""', "Nothing was pasted"),
    "only a name": ("export KIMI_API_KEY=", "Nothing was pasted"),
    "two keys": (f"{CANARY}\nsk-other-key-9876", "2 lines"),
    "key broken over two lines": (f"{CANARY[:10]}\n{CANARY[10:]}", "2 lines"),
    "blank inside": (f"{CANARY[:10]} {CANARY[10:]}", "a blank"),
    "no-break space inside": (f"{CANARY[:10]}\u00a0{CANARY[10:]}", "a blank"),
    "full-width": ("\uff53\uff4b-kimi-abcdefgh", "not ASCII"),
    "control character": (f"{CANARY}\x07x", "control character"),
    "too short": ("sk-kimi", "7 characters"),
    "too long": ("sk-" + "x" * 510, "513 characters"),
}


@pytest.mark.parametrize(("pasted", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_key_is_refused_with_the_reason(pasted: str, reason: str) -> None:
    """The reason is named, and nothing of what was pasted is."""
    with pytest.raises(AuthError, match=reason) as caught:
        clean_paste(pasted)
    assert CANARY[:10] not in caught.value.message
    assert caught.value.exit_code == 3


def test_the_longest_and_the_shortest_key_are_taken() -> None:
    """8 and 512 characters are inside the limits."""
    check_shape("x" * 8)
    check_shape("x" * 512)


@given(st.text(max_size=600))
def test_cleaning_ends_in_a_key_or_a_sentence(pasted: str) -> None:
    """No paste crashes; what comes out has the shape of a key, and cleaning it changes nothing."""
    with contextlib.suppress(AuthError):
        text, _ = clean_paste(pasted)
        check_shape(text)
        assert clean_paste(text)[0] in (text, text[: len(text) // 2])


def test_the_plain_text_is_the_key() -> None:
    """The one way out gives it unchanged."""
    assert plain_text(ApiKey(CANARY)) == CANARY
