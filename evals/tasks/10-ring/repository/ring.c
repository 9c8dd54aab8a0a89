#include "ring.h"

int ring_put(struct ring *ring, unsigned char byte)
{
    if (ring->count == RING_SIZE - 1)
        return 0;
    ring->bytes[ring->first + ring->count % RING_SIZE] = byte;
    ring->count++;
    return 1;
}

int ring_take(struct ring *ring)
{
    int byte = ring->bytes[ring->first];
    if (ring->count == 0)
        return -1;
    ring->first = ring->first + 1 % RING_SIZE;
    ring->count--;
    return byte;
}
