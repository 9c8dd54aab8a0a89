from shares import shares


def test_even():
    assert shares(900, 3) == [300, 300, 300]


def test_nothing_is_lost():
    for cents in range(400):
        for people in range(1, 12):
            parts = shares(cents, people)
            assert sum(parts) == cents, (cents, people, parts)
            assert max(parts) - min(parts) <= 1


def test_large_bills_are_exact():
    assert sum(shares(10**18 + 1, 7)) == 10**18 + 1


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
    print("passed")
