from slug import slug


def test_words():
    assert slug("Hello World") == "hello-world"


def test_runs_are_one_hyphen():
    assert slug("One -- two") == "one-two"


def test_no_hyphen_at_either_end():
    assert slug("(What now?)") == "what-now"
    assert slug("!?") == ""


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
    print("passed")
