from intervals import merge


def test_apart():
    assert merge([(5, 6), (1, 2)]) == [(1, 2), (5, 6)]


def test_neighbours_are_one():
    assert merge([(1, 2), (3, 4)]) == [(1, 4)]


def test_touching_are_one():
    assert merge([(1, 3), (3, 4)]) == [(1, 4)]


def test_one_within_another():
    assert merge([(1, 9), (2, 3)]) == [(1, 9)]


def test_the_argument_stays():
    given = [(5, 6), (1, 2)]
    merge(given)
    assert given == [(5, 6), (1, 2)]


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
    print("passed")
