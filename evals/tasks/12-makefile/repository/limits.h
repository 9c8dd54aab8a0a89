#define MOST 10
