#include <stdio.h>
#include <string.h>

#include "trim.h"

static int wrong;

static void check(const char *given, const char *wanted)
{
    /* What stands before the text must stay. */
    char place[64] = "\t  |   ";
    char *text = place + 7;
    strcpy(text, given);
    char *found = trim(text);
    if (found < text || strcmp(found, wanted) != 0 || strncmp(place, "\t  |   ", 7) != 0) {
        printf("[%s] gives [%s]\n", given, found);
        wrong = 1;
    }
}

int main(void)
{
    check("word", "word");
    check("  two words\t ", "two words");
    check("", "");
    check("   ", "");
    check("\t", "");
    if (!wrong)
        puts("passed");
    return wrong;
}
