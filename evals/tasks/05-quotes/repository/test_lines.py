import sys

from lines import parse_line


def test_plain():
    assert parse_line("a,b,c") == ["a", "b", "c"]
    assert parse_line("") == [""]
    assert parse_line("a,,") == ["a", "", ""]


def test_a_comma_in_quotes():
    assert parse_line('"a,b",c') == ["a,b", "c"]


def test_doubled_quotes():
    assert parse_line('"say ""hi""",""') == ['say "hi"', ""]


def test_by_hand():
    assert "csv" not in sys.modules


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
    print("passed")
