#include "limits.h"
#include "sum.h"

int sum(int count)
{
    int total = 0;
    for (int each = 1; each <= count && each <= MOST; each++)
        total += each;
    return total;
}
