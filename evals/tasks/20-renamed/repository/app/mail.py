from app import money


def reminder(name: str, cents: int) -> str:
    return f"Dear {name}, please pay {money.show(cents)}."
