#include <stddef.h>

#define RING_SIZE 4

/* A queue of at most RING_SIZE bytes; all zeros is an empty one. */
struct ring {
    unsigned char bytes[RING_SIZE];
    size_t first;
    size_t count;
};

/* Returns 1 if there was room, else 0. */
int ring_put(struct ring *ring, unsigned char byte);

/* Returns the oldest byte, or -1 if there is none. */
int ring_take(struct ring *ring);
