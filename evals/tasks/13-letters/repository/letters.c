#include <stdio.h>

/* Counts the characters of standard input, which is UTF-8, without line ends. */
static long count_letters(FILE *file)
{
    long count = 0;
    char byte;
    while ((byte = fgetc(file)) != EOF)
        if (byte != '\n')
            count++;
    return count;
}

int main(void)
{
    printf("%ld\n", count_letters(stdin));
    return 0;
}
