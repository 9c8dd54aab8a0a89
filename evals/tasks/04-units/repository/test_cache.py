import unittest

from store.cache import Cache


class TestCache(unittest.TestCase):
    def test_a_value_lives_for_a_minute(self):
        time = [100.0]
        cache = Cache(lambda: time[0])
        cache.put("a", 1)
        time[0] += 59.9
        self.assertEqual(cache.get("a"), 1)
        time[0] += 0.2
        self.assertIsNone(cache.get("a"))

    def test_what_was_never_there_is_none(self):
        self.assertIsNone(Cache().get("b"))
