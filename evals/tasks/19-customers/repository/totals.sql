-- Name, number of orders, sum of cents, number of notes of every customer, by name.
SELECT name, COUNT(*), SUM(cents), COUNT(*)
FROM customers
JOIN orders ON orders.customer = customers.id
JOIN notes ON notes.customer = customers.id
GROUP BY name
ORDER BY name;
