from app import money
from app.bill import bill
from app.mail import reminder
from app.plugins import formatter


def test_bill():
    assert bill([("pen", 250), ("ink", 1005)]) == "pen: 2.50 EUR\nink: 10.05 EUR\nSum: 12.55 EUR"


def test_mail():
    assert reminder("Ann", 99) == "Dear Ann, please pay 0.99 EUR."


def test_plugins():
    assert formatter("amount")(5) == "0.05 EUR"
    assert formatter("plain")(5) == "5"


def test_the_old_name_is_gone():
    assert not hasattr(money, "show")


if __name__ == "__main__":
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            test()
    print("passed")
