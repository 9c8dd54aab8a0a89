"""HTML as text that reads well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.tools.web_text import readable

HERE = "https://example.org/docs/page"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>A</h1><p>b\n  c</p><p>d", "# A\n\nb c\n\nd"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        (
            '<a href="../x">w</a> <a href="#h">h</a> <a href="javascript:y">j</a>',
            "[w](https://example.org/x) h j",
        ),
        ("<pre>a\n  b\n\nc</pre>after", "a\n  b\n\nc\n\nafter"),
        ("<table><tr><th>a<th>b</tr><tr><td>1</td><td>2</td></tr></table>", "ab\n1 | 2"),
        ("a<br>b&amp;&#8364;&nbsp;c", "a\nb&€ c"),
        ("<head><style>x</style><title> T </title></head><body>b", "T\n\nb"),
        ("<head><script>x</script><body><p>b", "b"),
        ("<script>if (a < b) '</p>'</script>x<!-- c -->y", "xy"),
        ('<img alt="a  cat"><img src=x>', "[image: a cat]"),
        ("<base href=/other/><a href=x>w</a>", "[w](https://example.org/other/x)"),
        ("<a href='http://[bad'>w</a>", "w"),
        ("no markup", "no markup"),
        ("", ""),
    ],
)
def test_a_page_reads_as_it_looks(html: str, text: str) -> None:
    """Headings, lists, links, tables and code keep their shape; decoration goes."""
    assert readable(html, HERE).strip() == text


@given(st.text(alphabet="<>/!-abpre &#;\"'=\n", max_size=300))
def test_no_html_is_too_broken(html: str) -> None:
    """Whatever comes, text comes out."""
    assert isinstance(readable(html, HERE), str)


def test_a_page_that_takes_too_long_is_given_as_far_as_it_was_read() -> None:
    """A clock that has run out stops the reading at the next piece."""
    times = iter([0.0, 1.0, 100.0])

    text = readable("<p>word</p>" * 30_000, HERE, clock=lambda: next(times))

    assert text.startswith("word\n\nword")
    assert text.endswith("[the page is longer, and took too long to read]")
