from orders import Order


def test_new_orders_are_empty():
    first, second = Order(1), Order(2)
    first.add("pen", 3)
    assert second.count() == 0


def test_a_copy_goes_its_own_way():
    first = Order(1)
    first.add("pen", 3)
    second = first.copy(2)
    second.add("ink")
    assert (first.count(), second.count()) == (3, 4)


def test_lines_that_are_given_are_taken():
    assert Order(1, [("pen", 2)]).count() == 2


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
    print("passed")
