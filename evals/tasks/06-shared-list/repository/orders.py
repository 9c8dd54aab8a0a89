"""Orders and what they hold."""


class Order:
    def __init__(self, number, lines=[]):
        self.number = number
        self.lines = lines

    def add(self, article, count=1):
        self.lines.append((article, count))

    def copy(self, number):
        """Return an order with the same lines, which may change on its own."""
        return Order(number, self.lines)

    def count(self):
        return sum(count for _, count in self.lines)
