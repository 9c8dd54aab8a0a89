int sum(int count);
