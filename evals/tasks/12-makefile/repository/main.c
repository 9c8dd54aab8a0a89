#include <stdio.h>

#include "sum.h"

int main(void)
{
    printf("%d\n", sum(100));
    return 0;
}
