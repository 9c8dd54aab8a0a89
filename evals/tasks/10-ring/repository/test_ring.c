#include <stdio.h>
#include <stdlib.h>

#include "ring.h"

static void want(int wanted, int found, int line)
{
    if (wanted != found) {
        printf("line %d: %d instead of %d\n", line, found, wanted);
        exit(1);
    }
}
#define WANT(wanted, found) want(wanted, found, __LINE__)

int main(void)
{
    struct ring ring = {{0}, 0, 0};
    WANT(-1, ring_take(&ring));
    for (int round = 0; round < 10; round++) {
        for (int each = 0; each < RING_SIZE; each++)
            WANT(1, ring_put(&ring, (unsigned char)(round * 10 + each)));
        WANT(0, ring_put(&ring, 99));
        WANT(round * 10, ring_take(&ring));
        WANT(1, ring_put(&ring, 77));
        for (int each = 1; each < RING_SIZE; each++)
            WANT(round * 10 + each, ring_take(&ring));
        WANT(77, ring_take(&ring));
        WANT(-1, ring_take(&ring));
    }
    puts("passed");
    return 0;
}
